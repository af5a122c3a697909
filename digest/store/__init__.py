"""The database: what was fetched, what was computed from it, and what was told to readers."""
