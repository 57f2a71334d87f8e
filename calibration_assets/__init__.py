"""Reweights cloned CPS household records to administrative targets; see README.md for the map of the code."""
