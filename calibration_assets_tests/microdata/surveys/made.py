"""Made survey files in the agencies' layouts, names and units, of the population in `population.py`.

Every file has columns that nobody reads, and rows that are no donors: group quarters, other months, not in universe.
"""

import io
import zipfile

import numpy as np
import pandas as pd

from calibration_assets.microdata.surveys import acs, org, scf, sipp
from calibration_assets_tests.microdata.surveys.population import children_of, household_sum, laws, made_population


def write_acs(folder, households=500, seed=1, **changes):
    """The person and housing zips, each in two parts; the last household is group quarters."""
    population = made_population(households, seed)
    law = laws(population, seed)
    quarters = population["household"] == households - 1
    serial = f"{acs.YEAR}HU" + population["household"].astype(str).str.zfill(7)
    persons = pd.DataFrame(
        {
            "RT": "P",
            "SERIALNO": serial.where(~quarters, serial.str.replace("HU", "GQ")),
            "SPORDER": population["line"] + 1,
            "PWGTP": 1,
            "ADJINC": 1_000_000,
            "AGEP": population["age"],
            "RELSHIPP": np.select([quarters, population["line"] == 0], [38, 20], 25),
            "SEX": np.where(population["is_female"], 2, 1),
            "WAGP": population["wages"].where(population["age"] >= 15),
            "SEMP": population["self_employment"].where(population["age"] >= 15),
            "SSP": population["social_security"].where(population["age"] >= 15),
            "RETP": population["pension"].where(population["age"] >= 15),
        }
    )
    head = population["line"].eq(0)
    units = pd.DataFrame(
        {
            "RT": "H",
            "SERIALNO": persons["SERIALNO"],
            "ST": population["state"],
            "ADJHSG": 1_000_000,
            "NP": population.groupby("household")["line"].transform("size"),
            "WGTP": population["household_weight"].round(),
            "TYPEHUGQ": np.where(quarters, 3, 1),
            "TEN": pd.Series(np.where(population["owns"], 1, 3)).where(~quarters),
            "RNTP": law["monthly_rent"].where(law["monthly_rent"] > 0),
            "TAXAMT": law["taxes"].where(law["taxes"] > 0),
        }
    )[head.to_numpy()]
    tables = {"psam_pus": persons, "psam_hus": units}
    for file, stem in ((acs.PERSONS, "psam_pus"), (acs.UNITS, "psam_hus")):
        table = _changed(tables[stem], stem, changes)
        half = len(table) // 2
        _write_zip(folder / file.name, {f"{stem}a.csv": table.iloc[:half], f"{stem}b.csv": table.iloc[half:]})


def write_sipp(folder, households=500, seed=2, **changes):
    """The zip of the primary file: twelve rows a person, `|` between columns, allocation flags beside the tips."""
    population = made_population(households, seed)
    law = laws(population, seed)
    month = np.tile(np.arange(1, 13), len(population))
    persons = pd.DataFrame(
        {
            "SSUID": population["household"] + 10**11,
            "PNUM": population["line"] + 101,
            "ERESIDENCEID": 100_001,
            "SPANEL": sipp.FILE_YEAR - 1,
            "SWAVE": 2,
            "WPFINWGT": population["household_weight"],
            "TAGE": population["age"],
            "ESEX": np.where(population["is_female"], 2, 1),
            "EMS": np.where(population["married"], 1, 6),
            **dict.fromkeys([*sipp.EARNINGS, *sipp.TIPS], np.nan),
            "TJB1_MSUM": (population["wages"] / 12).where(population["wages"] > 0),
            "TJB2_TXAMT": (law["tips"] / 12).where(law["tips"] > 0),
            "AJB2_TXAMT": 2,
            "TINC_BANK": population["interest"] / 12,
            "TINC_BOND": 0.0,
            "TINC_STMF": population["dividends"] / 12,
            "TINC_RENT": 0.0,
            "TVAL_BANK": law["bank"],
            "TVAL_STMF": law["stocks"],
            "TVAL_BOND": law["bonds"],
            "TVEH_NUM": law["vehicles"],
            "THVAL_VEH": law["vehicle_value"],
            "THVAL_HOME": np.where(population["owns"], 250_000, 0),
        }
    )
    months = persons.loc[persons.index.repeat(12)].assign(MONTHCODE=month)
    # Summer pays 20 % more and winter 20 % less, so that a month is not a twelfth.
    season = 1 + 0.2 * np.where((month > 3) & (month < 10), 1, -1)
    months[[*sipp.EARNINGS, *sipp.TIPS]] = months[[*sipp.EARNINGS, *sipp.TIPS]].mul(season, axis=0)
    name = f"pu{sipp.FILE_YEAR}.csv"
    _write_zip(folder / sipp.FILE.name, {name: _changed(months, "pu", changes)}, "|")


def write_scf(folder, households=500, seed=3, **changes):
    """The two Stata zips: five implicates a family in each."""
    population = made_population(households, seed)
    law = laws(population, seed)
    head = population["line"].eq(0).to_numpy()
    families = pd.DataFrame(
        {
            "yy1": population["household"] + 1,
            "wgt": population["household_weight"] / 5,
            "age": population["age"],
            "hhsex": np.where(population["is_female"], 2, 1),
            "married": np.where(population["married"], 1, 2),
            "kids": children_of(population),
            "racecl4": np.select([population["is_hispanic"], population["race"] == 2], [3, 2], 1),
            "wageinc": household_sum(population, "wages"),
            "intdivinc": household_sum(population, "interest") + household_sum(population, "dividends"),
            "ssretinc": household_sum(population, "social_security") + household_sum(population, "pension"),
            "networth": law["net_worth"],
            "x2218": np.where(law["loan"] > 0, law["loan"], -1),
            "x2219": np.where(law["loan"] > 0, law["rate"], -1),
            **{column: 0 for pair in list(scf.LOANS.items())[1:] for column in (pair[0].lower(), pair[1].lower())},
        }
    )[head]
    implicates = families.loc[families.index.repeat(5)].reset_index(drop=True)
    implicates.insert(1, "y1", implicates["yy1"] * 10 + implicates.index % 5 + 1)
    loans = [column for column in implicates if column.startswith("x")]
    summary = _changed(implicates.drop(columns=loans), "rscfp", changes)
    full = _changed(implicates[["yy1", "y1", *loans]], "p22i6", changes)
    for file, name, table in ((scf.SUMMARY, "rscfp2022", summary), (scf.FULL, "p22i6", full)):
        buffer = io.BytesIO()
        table.to_stata(buffer, write_index=False)
        with zipfile.ZipFile(folder / file.name, "w") as archive:
            archive.writestr(f"{name}.dta", buffer.getvalue())


def write_org(folder, households=500, seed=4, **changes):
    """The twelve monthly files, names in small letters; only months 4 and 8 in sample were asked for earnings."""
    for number, file in enumerate(org.FILES):
        population = made_population(households, seed + number)
        law = laws(population, seed + number)
        rng = np.random.default_rng(seed + number)
        asked = (population["wages"] > 0) & (rng.random(len(population)) < 0.8)
        month = pd.DataFrame(
            {
                "hrhhid": population["household"] + 10**14,
                "hryear4": org.YEAR,
                "HRMIS": np.where(asked, rng.choice(org.OUTGOING, len(population)), 1),
                "gestfips": population["state"],
                "prtage": population["age"],
                "pesex": np.where(population["is_female"], 2, 1),
                "ptdtrace": population["race"],
                "pehspnon": np.where(population["is_hispanic"], 1, 2),
                "pemlr": np.where(population["wages"] > 0, 1, 7),
                "peio1cow": np.where(population["wages"] > 0, 4, -1),
                "prerelg": asked.astype(int),
                "pehruslt": np.where(asked, population["hours"], -1),
                "peernhry": np.select([asked & law["paid_hourly"], asked], [1, 2], -1),
                "pternhly": np.where(asked & law["paid_hourly"], (100 * law["hourly_wage"]).round(), -1),
                "pternwa": np.where(asked, (100 * population["wages"] / 52).round(), -1),
                "peernlab": np.select([asked & law["union"], asked], [1, 2], -1),
                "peerncov": np.where(asked, 2, -1),
                "pworwgt": np.where(asked, 1e4 * population["household_weight"], 0).astype("int64"),
            }
        )
        _changed(month, file.name, changes).to_csv(folder / file.name, index=False)


def write_all(folder, households=500):
    """The files of every survey in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for write in (write_acs, write_sipp, write_scf, write_org):
        write(folder, households)
    return folder


def _changed(table, stem, changes):
    """A table after what a test does to it: `drop`, or columns set to a value."""
    wanted = {name: value for name, value in changes.get("columns", {}).items() if name in table}
    return table.drop(columns=[changes["drop"]] if changes.get("drop") in table else []).assign(**wanted)


def _write_zip(path, tables, delimiter=","):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, table in tables.items():
            with archive.open(name, "w") as stream:
                table.to_csv(stream, index=False, sep=delimiter)
