"""CPS records: the dataset contract, the sources that fill it, the stratified sample. Holds no rules and no targets."""
