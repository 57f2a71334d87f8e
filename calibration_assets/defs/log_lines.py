"""A JSON object a line of what runs log, for whoever collects logs; named in a deployment's dagster.yaml."""

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """Time, level and message, with the run, job and step that said it; what failed with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        meta = getattr(record, "dagster_meta", None) or {}
        event = meta.get("dagster_event")
        failure = getattr(getattr(event, "event_specific_data", None), "error", None)
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": event.event_type_value if event else "LOG",
            "message": meta.get("orig_message") or record.getMessage(),
            "run": meta.get("run_id"),
            "job": meta.get("job_name"),
            "step": meta.get("step_key"),
            "error": failure.to_string() if failure else None,
        }
        return json.dumps({name: value for name, value in line.items() if value})
