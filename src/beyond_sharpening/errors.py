"""What ends a run and is told in one message by the command line; any other error keeps its traceback."""


class BadInput(ValueError):
    """A parameter, file or table cannot be used; the message says which, why, and what is allowed."""


class DryRun(Exception):
    """The end of a run that was asked for its plan alone (``dry_run=true``); the plan has been printed."""


class WorkerFailed(RuntimeError):
    """One of a training's processes ended before its time; the message says which, of what, and what is kept."""
