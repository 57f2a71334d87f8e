"""CPS records from the Census Bureau's own files: the Annual Social and Economic Supplement (ASEC) of the CPS."""
