"""The weight fit: gates choose the columns, a refit of their log-weights ends it.

objective + gates = what is minimised; engine and refit minimise it; the loop runs them; result is what comes out.
Needs numpy, scipy, pandas, torch and l0-python alone.
"""
