"""The one kind of error that is the user's to mend."""

REFUSED = 2
"""Exit status of a command whose input is not as it should be, as argparse's for arguments."""


class InputError(ValueError):
    """Bad configuration, data or file. The message names the file, the key or row, what was
    found, what is allowed and what to do; it is shown without a traceback."""
