"""The calibration matrix: which household counts how much for which target."""
