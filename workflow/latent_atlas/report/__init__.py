"""The page, and what is kept of a finished run."""
