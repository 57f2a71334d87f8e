"""The sections of the report: what is shown, and what it says in words. A part that was not run states its absence."""

from dataclasses import dataclass, field

from bokeh.model import Model

from calibration_assets.diagnostics.alarms import Alarm, alarms
from calibration_assets.diagnostics.compare import compare_runs
from calibration_assets.diagnostics.diagnosis import Diagnosis
from calibration_assets.diagnostics.families import counted_targets, error_statistics
from calibration_assets.diagnostics.held_out import held_out_families, held_out_figures
from calibration_assets.diagnostics.report import figures, tables
from calibration_assets.diagnostics.report.tables import Table, decimal, percent, whole
from calibration_assets.diagnostics.report.target_table import target_table


@dataclass(frozen=True)
class Figure:
    """A Bokeh model with its caption, what it shows in words, and whether the colours of errors explain it."""

    name: str
    model: Model
    caption: str
    words: str
    bands: bool = False
    screen_only: bool = False


@dataclass(frozen=True)
class Section:
    """One part of the page; lists that are empty leave no trace."""

    anchor: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    folded: list[tuple[str, list[Table]]] = field(default_factory=list)


@dataclass(frozen=True)
class Fact:
    """A number at the head of the page."""

    label: str
    value: str
    note: str


def make_facts(diagnosis: Diagnosis) -> list[Fact]:
    """The head's numbers."""
    errors, weights = error_statistics(diagnosis.targets), diagnosis.weights
    met = errors["targets"] - errors["unachievable"]
    records = (diagnosis.records["weight"] > 0).sum()
    held_out = "not measured"
    if diagnosis.held_out is not None:
        held_out = percent(counted_targets(diagnosis.held_out)["held_out_abs_rel_error"].median())
    facts = [
        Fact("Targets", whole(errors["targets"]), f"{whole(met)} can be met"),
        Fact("Within 1 %", percent(errors["within_1_achievable"]), "of targets that can be met"),
        Fact("Within 10 %", percent(errors["within_10_achievable"]), "of targets that can be met"),
        Fact("Median error", percent(errors["median_achievable"]), f"mean {percent(errors['mean_achievable'])}"),
        Fact("Held-out median error", held_out, "of targets that the fit did not see"),
        Fact("Columns kept", whole(weights.kept_columns), f"of {whole(weights.columns)}; {whole(records)} records"),
        Fact("Effective sample size", whole(weights.effective_sample_size), "Kish, of columns"),
        Fact("Households", whole(weights.households), f"largest weight {decimal(weights.largest)}"),
    ]
    if diagnosis.population is not None:
        facts.append(Fact("Persons", whole(diagnosis.population), "implied by the weights"))
    return facts


def make_sections(diagnosis: Diagnosis, previous: Diagnosis | None) -> list[Section]:
    """All sections, in reading order."""
    treemap, table = _treemap(diagnosis)
    return [
        _alarms(diagnosis),
        treemap,
        _states(diagnosis),
        table,
        _out_of_reach(diagnosis),
        _held_out(diagnosis),
        _conflicts(diagnosis),
        _weights(diagnosis),
        _fit(diagnosis),
        _outside(diagnosis),
        _comparison(diagnosis, previous),
        _notes(),
    ]


def _alarms(diagnosis: Diagnosis) -> Section:
    found = alarms(diagnosis)
    words = (
        [] if found else ["Nothing stands out: no dominating record, conflicting pair, wrong unit or empty district."]
    )
    return Section("alarms", "What to look at first", paragraphs=words, alarms=found)


def _treemap(diagnosis: Diagnosis) -> tuple[Section, Section]:
    """The treemap's section and that of the target table, which a tap on the treemap filters."""
    detail = diagnosis.targets
    by_family = detail.groupby("family")["loss"].sum().sort_values(ascending=False)
    total = by_family.sum()
    drawn, source = [], None
    if total > 0:
        plot, source = figures.loss_treemap(detail)
        leaders = ", ".join(f"{family} {share:.0%}" for family, share in (by_family.head(3) / total).items())
        words = f"Treemap of the loss. Largest parts: {leaders}."
        caption = (
            f"Area is a family's part of the loss of {total:.4g}, cut by state with its districts; colour is the "
            "90th percentile of the absolute relative error. A tap filters the table of targets."
        )
        drawn = [Figure("treemap", plot, caption, words, bands=True)]
    plain = tables.error_tables(detail)
    loss = Section(
        "loss",
        "Where the loss is",
        paragraphs=[] if drawn else ["The loss is zero: every target is met exactly."],
        figures=drawn,
        tables=plain[:2],
        folded=[("Errors by state", plain[2:])],
    )
    caption = (
        "Largest errors first, targets out of reach last; a head sorts, the fields filter. Carriers are the records "
        "that add to a target, top share the largest one's part. Numbers are those of unified_diagnostics.csv."
    )
    words = "Table of all targets with search, filters and sorting; the largest errors stand in the plain table below."
    table = Figure("targets", target_table(detail, source), caption, words, screen_only=True)
    return loss, Section("targets", "All targets", figures=[table], tables=[tables.worst_table(detail)])


def _states(diagnosis: Diagnosis) -> Section:
    plot = figures.state_grid(diagnosis.targets, diagnosis.weight_groups)
    caption = (
        "A tile is a state: its strip the state's own targets, its cells the districts in order of their number; the "
        "colour is the median absolute relative error."
    )
    words = (
        "Grid of the states with their districts, coloured by median error; the table of errors by state says the same."
    )
    return Section("places", "States and districts", figures=[Figure("states", plot, caption, words, bands=True)])


def _out_of_reach(diagnosis: Diagnosis) -> Section:
    missing = (~diagnosis.targets["achievable"]).sum()
    if not missing:
        return Section("reach", "Out of reach", paragraphs=["Every target can be met by some weights of 0 or more."])
    words = f"{missing:,} targets keep their error whatever the weights: records, clones or the target must change."
    counts, each = tables.unachievable_tables(diagnosis.targets)
    return Section("reach", "Out of reach", paragraphs=[words], tables=[counts], folded=[("One by one", [each])])


def _held_out(diagnosis: Diagnosis) -> Section:
    title = "Targets that the fit did not see"
    if diagnosis.held_out is None:
        return Section("held-out", title, paragraphs=["Held-out accuracy was not measured in this run."])
    families = held_out_families(diagnosis.held_out)
    folds = diagnosis.held_out["fold"].nunique()
    if families.empty:
        return Section("held-out", title, paragraphs=["No target can be met: there is nothing to hold out."])
    words = (
        f"Every target was held out once, in {folds} folds; each fold's weights were fitted from the initial weights "
        "of the kept columns to all other targets. Which columns are kept was decided with all targets in view."
    )
    found = held_out_figures(diagnosis.held_out)
    medians = (
        f"Median errors: {found['in_sample_median_error_pct']:.2f} % in sample, "
        f"{found['held_out_median_error_pct']:.2f} % held out; the folds' own fits miss the targets that they saw by "
        f"{found['seen_by_folds_median_error_pct']:.2f} %."
    )
    caption = "Median absolute relative error by family: circles in sample, diamonds held out."
    chart = Figure("held_out", figures.held_out_chart(families), caption, caption)
    table = tables.held_out_table(families)
    return Section("held-out", title, paragraphs=[words, medians], figures=[chart], tables=[table])


def _conflicts(diagnosis: Diagnosis) -> Section:
    title = "Targets that pull against each other"
    if diagnosis.conflicts.empty:
        return Section("conflicts", title, paragraphs=["None of the worst targets is held back by a single other one."])
    words = (
        "At the fitted weights all pulls balance. An opposing pull near 1 says that this one other target takes up the "
        "whole pull: the two ask the same households for different totals. Far above 1 the target is overruled, often "
        "by several, and dropping one may give nothing: only a refit tells (`check_conflicts`)."
    )
    return Section("conflicts", title, paragraphs=[words], tables=[tables.conflict_table(diagnosis.conflicts)])


def _weights(diagnosis: Diagnosis) -> Section:
    if diagnosis.weight_bins.empty:
        return Section("weights", "Weights", paragraphs=["No column has a weight above 0."])
    weights = diagnosis.weights
    words = (
        f"Histogram of {weights.kept_columns:,} kept weights: median {weights.median:,.1f}, 99th percentile "
        f"{weights.p99:,.1f}, largest {weights.largest:,.1f}."
    )
    chart = Figure("weights", figures.weight_histogram(diagnosis.weight_bins), words, words)
    *groups, states, largest = tables.weight_tables(diagnosis)
    ratios = [] if diagnosis.weight_ratios is None else [tables.ratio_table(diagnosis.weight_ratios)]
    folded = [("By state", [states]), ("Largest weights", [largest])]
    return Section("weights", "Weights", figures=[chart], tables=[*groups, *ratios], folded=folded)


def _fit(diagnosis: Diagnosis) -> Section:
    loss = diagnosis.loss
    if loss is None or loss.empty:
        return Section("fit", "The fit", paragraphs=["This run kept no loss by epoch."])
    step, first = loss.columns[0], loss.columns[1]
    name = str(first).replace("_", " ")
    words = f"The {name} goes from {loss[first].iloc[0]:.4g} to {loss[first].iloc[-1]:.4g} over {len(loss):,} {step}s."
    caption = "The loss's terms by epoch of the gated fit, before the refit."
    return Section("fit", "The fit", figures=[Figure("loss", figures.loss_curve(loss), caption, words)])


def _outside(diagnosis: Diagnosis) -> Section:
    title = "Held against published totals"
    if diagnosis.outside is None:
        return Section("outside", title, paragraphs=["Totals outside the calibration were not computed in this run."])
    words = (
        "Totals from the weighted records beside what agencies publish. Where the same variable is a target at some "
        "level an agreement proves little. Poverty and the Gini index rest on the records' own cash incomes."
    )
    return Section("outside", title, paragraphs=[words], tables=[tables.outside_table(diagnosis.outside)])


def _comparison(diagnosis: Diagnosis, previous: Diagnosis | None) -> Section:
    title = "Since the previous run"
    if previous is None:
        return Section("comparison", title, paragraphs=["There is no previous run to compare with."])
    first, *rest = tables.comparison_tables(compare_runs(previous, diagnosis))
    return Section("comparison", title, tables=[first, *rest[:2]], folded=[("By family, and targets", rest[2:])])


def _notes() -> Section:
    words = [
        "Relative error is (estimate - true value) / |true value|. Targets below one unit, or below a ten-thousandth "
        "of their family's median at their level, count as near zero and are left out of every error statistic.",
        "A target can be met when some weights of 0 or more give its value. Its shadow price is how much the loss "
        "would fall if the estimate alone came nearer by 1 % of the target.",
        "A record carries a target through all of its clones together. The effective sample size is Kish's, "
        "(sum of weights)² / sum of squared weights, over columns.",
    ]
    return Section("notes", "How to read this", paragraphs=words)
