"""Content keys, version folders, manifests and the raw cache; the meaning of a value stays with its maker."""
