"""Configuration: typed, checked before any job starts, read once."""
