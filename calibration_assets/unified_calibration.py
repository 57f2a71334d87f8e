"""The manual's portable functions and its command line; a thin door, no logic."""

from calibration_assets.fit.fit import fit_l0_weights

__all__ = ["fit_l0_weights"]
