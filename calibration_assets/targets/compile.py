"""Compiles raw inputs into the figures that the project ships: `python -m calibration_assets.targets.compile`.

Writes figures, sources, uprating factors, county shares and the README of `reference/`. The catalogue, counties and
series of policyengine-us must be there already (`python -m calibration_assets.simulation.catalogue`).
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.crosswalk import resolve_county_shares
from calibration_assets.settings import MODEL_YEAR, TargetSettings
from calibration_assets.storage.keys import file_key
from calibration_assets.storage.raw_cache import RawCache
from calibration_assets.storage.reference import REFERENCE, read_reference, write_reference
from calibration_assets.targets.consistency import consistency_report
from calibration_assets.targets.database import build_database, read_database_reference
from calibration_assets.targets.figures import join_figures
from calibration_assets.targets.readme import write_readme
from calibration_assets.targets.select import read_targets
from calibration_assets.targets.sources import SOURCES, irs_soi_national
from calibration_assets.targets.sources.source import Source
from calibration_assets.targets.uprating import CLASSES, compile_factors

COUNTY_SHARES = "county_cd_distributions.csv"


def compile_reference(raw: Path, folder: Path = REFERENCE, sources: Sequence[Source] = SOURCES) -> list[Path]:
    """Write the compiled tables of all sources whose raw files are in `raw`; returns what was written."""
    files = {source: _find_files(source, raw, folder) for source in sources}
    present = {source: paths for source, paths in files.items() if all(path.is_file() for path in paths)}
    if not present:
        raise CalibrationError(f"{raw} holds the raw files of no source, expected e.g. {sources[0].files[0].name}")
    figures = join_figures([compile_source(source, paths) for source, paths in present.items()])
    published = irs_soi_national.published_totals((raw / irs_soi_national.FILE).read_bytes())
    distributions = pd.read_csv(io.BytesIO((raw / COUNTY_SHARES).read_bytes()))
    tables = {
        "figures": figures,
        "sources": describe_sources(present),
        "uprating": compile_factors(read_reference("parameters", folder), published, CLASSES),
        "county_shares": resolve_county_shares(distributions, read_reference("counties", folder)),
    }
    written = [write_reference(frame, name, folder) for name, frame in tables.items()]
    return [*written, _describe_reference(folder)]


def _describe_reference(folder: Path) -> Path:
    """Build the database that the tables give, and write down what is in it."""
    reference = read_database_reference(folder)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "policy_data.db"
        build_database(path, reference)
        targets = read_targets(path, TargetSettings(), MODEL_YEAR).targets
    page = write_readme(
        targets,
        reference.sources,
        reference.uprating,
        consistency_report(targets),
        reference.variables["version"].iloc[0],
    )
    readme = folder / "README.md"
    readme.write_text(page)
    return readme


def _find_files(source: Source, raw: Path, folder: Path) -> list[Path]:
    """A source's files among the raw ones, or among the tables that another step has compiled."""
    return [raw / file.name if (raw / file.name).is_file() else folder / file.name for file in source.files]


def compile_source(source: Source, paths: Sequence[Path]) -> pd.DataFrame:
    """The figures of one source from its raw files, in the order of `source.files`."""
    return source.figures({path.name: path.read_bytes() for path in paths})


def describe_sources(sources: Mapping[Source, Sequence[Path]]) -> pd.DataFrame:
    """What was compiled: source, publisher, table_name, vintage, url, raw_sha256 (of the files in their order)."""
    rows = [
        {
            "source": source.key,
            "publisher": source.publisher,
            "table_name": source.table,
            "vintage": source.vintage,
            "url": source.url,
            "raw_sha256": " ".join(file_key(path) for path in paths),
        }
        for source, paths in sources.items()
    ]
    return pd.DataFrame(rows).sort_values("source", ignore_index=True)


def fetch_sources(cache: RawCache, sources: Sequence[Source] = SOURCES) -> list[str]:
    """Fetch the raw files that have an address; returns the names of those that must be put there by hand."""
    files = [file for source in sources for file in source.files]
    for file in files:
        if file.url is not None:
            cache.fetch(file.name, file.url, file.content_type, file.check)
    return sorted({file.name for file in files if file.url is None and not (cache.folder / file.name).is_file()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile from a folder of raw files; exit code 1 with one sentence where that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder with the agencies' files")
    parser.add_argument("--output", type=Path, default=REFERENCE, help="folder of the compiled tables")
    parser.add_argument("--fetch", action="store_true", help="first fetch the files that are not there")
    parser.add_argument("--refresh", action="store_true", help="with --fetch, fetch those that are there as well")
    options = parser.parse_args(arguments)
    try:
        if options.fetch:
            by_hand = fetch_sources(RawCache(options.raw, refresh=options.refresh))
            sys.stdout.write("".join(f"{name} has no address: put it into {options.raw}\n" for name in by_hand))
        for path in compile_reference(options.raw, options.output):
            sys.stdout.write(f"{path} {path.stat().st_size:,} bytes\n")
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
