"""The assets, by group; each is a wire from Dagster to one call of the core."""
