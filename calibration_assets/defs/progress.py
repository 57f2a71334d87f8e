"""What a person sees in the terminal while a job runs: a line a stored value, a sentence a failure."""

import logging
import sys

from dagster import DagsterEvent, InitLoggerContext, MetadataValue, logger
from dagster._core.events import DagsterEventType

SHOWN = 4


@logger(config_schema={}, description="A line for every stored value, a sentence for every failure.")
def progress(_: InitLoggerContext) -> logging.Logger:
    """Built by Dagster in every process of a run."""
    lines = logging.Logger("progress", level=logging.DEBUG)
    lines.addHandler(ProgressHandler())
    return lines


class ProgressHandler(logging.Handler):
    """Prints the few events that matter to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event."""
        meta = getattr(record, "dagster_meta", None)
        event = meta.get("dagster_event") if isinstance(meta, dict) else None
        line = describe(event) if event else None
        if line:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def describe(event: DagsterEvent) -> str | None:
    """The line of an event, or None where it is of no interest."""
    if event.event_type == DagsterEventType.STEP_START:
        return f"… {event.step_key}"
    if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
        value = event.step_materialization_data.materialization
        name = "/".join([*value.asset_key.path, *([value.partition] if value.partition else [])])
        shown = [f"{key} {_short(entry)}" for key, entry in value.metadata.items() if _is_short(entry)]
        return f"✓ {name}: " + ", ".join(shown[:SHOWN])
    if event.event_type == DagsterEventType.STEP_FAILURE:
        error = event.step_failure_data.error
        while error is not None and error.cls_name != "CalibrationError" and error.cause is not None:
            error = error.cause
        is_ours = error is not None and error.cls_name == "CalibrationError"
        message = error.message.split(": ", 1)[1].strip() if is_ours and error else error.to_string() if error else ""
        return f"✗ {event.step_key}: {message}"
    return None


def _is_short(entry: MetadataValue) -> bool:
    return isinstance(entry.value, int | float) and not isinstance(entry.value, bool)


def _short(entry: MetadataValue) -> str:
    value = entry.value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
