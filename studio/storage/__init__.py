"""Where things are kept: the project database, run folders, settings, imported files. No Qt, no torch."""
