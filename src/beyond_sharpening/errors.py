"""The error of the person who runs it: what was given cannot be used."""


class BadInput(ValueError):
    """A parameter, file or table cannot be used; the message says which, why, and what is allowed.

    The command line prints the message alone; any other error keeps its traceback.
    """
