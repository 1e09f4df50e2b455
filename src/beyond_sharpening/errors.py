"""What ends a run without being a fault of the program."""


class BadInput(ValueError):
    """A parameter, file or table cannot be used; the message says which, why, and what is allowed.

    The command line prints the message alone; any other error keeps its traceback.
    """


class DryRun(Exception):
    """The end of a run that was asked for its plan alone (``dry_run=true``); the plan has been printed."""
