"""The assets, by group; each is a wire from Dagster to one call of the core.

What an asset calls is imported when it runs, so that Dagster's servers load the definitions in seconds, without torch.
"""
