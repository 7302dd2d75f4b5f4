"""One loop that trains all seeds of an experiment side by side."""
