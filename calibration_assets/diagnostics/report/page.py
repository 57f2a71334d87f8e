"""The one file: sections, scripts and styles put together so that it opens without a server or a network."""

from pathlib import Path

import jinja2
from bokeh.embed import components
from bokeh.resources import Resources
from markupsafe import Markup

from calibration_assets.diagnostics.diagnosis import Diagnosis
from calibration_assets.diagnostics.palette import BAND_COLOURS, BANDS, NO_VALUE
from calibration_assets.diagnostics.report.sections import make_facts, make_sections

TEMPLATE = Path(__file__).with_name("template.html")
LEGEND = [*zip(BANDS, BAND_COLOURS, strict=True), ("no target", NO_VALUE)]
SCRIPTS = ["bokeh", "bokeh-widgets", "bokeh-tables"]


def write_report(
    diagnosis: Diagnosis,
    path: Path,
    *,
    title: str = "Calibration report",
    subtitle: str = "",
    previous: Diagnosis | None = None,
) -> None:
    """Write the report of one fit as an HTML file, compared with `previous` where there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(diagnosis, title=title, subtitle=subtitle, previous=previous), encoding="utf-8")


def render_report(diagnosis: Diagnosis, *, title: str, subtitle: str, previous: Diagnosis | None) -> str:
    """The page as text."""
    sections = make_sections(diagnosis, previous)
    script, drawn = components({figure.name: figure.model for section in sections for figure in section.figures})
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        facts=make_facts(diagnosis),
        bands=LEGEND,
        drawn={name: Markup(html) for name, html in drawn.items()},  # noqa: S704
        scripts=Markup(Resources(mode="inline", components=SCRIPTS).render_js()),  # noqa: S704
        script=Markup(script),  # noqa: S704
    )
