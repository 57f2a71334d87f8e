"""Colours that readers with any colour vision can tell apart, from light (good) to dark (bad), and their edges."""

import numpy as np

ERROR_EDGES = (0.01, 0.05, 0.1, 0.25)
BANDS = ("within 1 %", "1 to 5 %", "5 to 10 %", "10 to 25 %", "over 25 %")
BAND_COLOURS = ("#f0f4c3", "#a8d08d", "#4fb0a5", "#33679e", "#2b1c50")
DARK_TEXT, LIGHT_TEXT = "#1b1b1b", "#ffffff"
NO_VALUE = "#d9d9d9"
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
"""Of Okabe and Ito's palette; the first for what was fitted, the second for what it is held against."""


def error_bands(errors: np.ndarray) -> np.ndarray:
    """Band of every absolute relative error, 0 to 4; -1 for NaN."""
    sizes = np.asarray(errors, dtype=np.float64)
    return np.where(np.isnan(sizes), -1, np.searchsorted(ERROR_EDGES, sizes, side="left"))


def error_colours(errors: np.ndarray) -> list[str]:
    """Colour of every absolute relative error."""
    return [NO_VALUE if band < 0 else BAND_COLOURS[band] for band in error_bands(errors)]


def text_colours(errors: np.ndarray) -> list[str]:
    """Colour of a label on `error_colours`."""
    return [LIGHT_TEXT if band >= 3 else DARK_TEXT for band in error_bands(errors)]
