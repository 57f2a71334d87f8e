"""How every stored value is made: its name, what its content key is made of, and the step that makes it.

The assets in `defs/` call these functions and nothing else. Each takes the store, the stored values that it needs and
its settings, and returns a stored value: opened where its key is stored already, made where it is not.
"""
