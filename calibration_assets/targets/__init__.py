"""Administrative targets: sources, compiled figures, the database, its selection, uprating and consistency."""
