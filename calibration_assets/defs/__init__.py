"""Everything that says dagster, one concept a file. Re-exports nothing; the core never imports from here."""
