"""States, congressional districts and counties: their names, shares and crosswalks, and a place for every clone."""
