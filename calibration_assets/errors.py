"""The one error that this project raises on purpose."""


class CalibrationError(Exception):
    """One sentence: the thing, what was found, what was expected, what to do."""
