"""The one kind of error that is the user's to mend."""


class InputError(ValueError):
    """Bad configuration, data or file. The message names the file, the key or row, what was
    found, what is allowed and what to do; it is shown without a traceback."""
