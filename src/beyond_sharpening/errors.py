"""What ends a run: the command line tells these in one message; any other error keeps its traceback."""


class BadInput(ValueError):
    """A parameter, file or table cannot be used; the message says which, why, and what is allowed."""


class WorkerFailed(RuntimeError):
    """One of a training's processes ended before its time; the message says which, of what, and what is kept."""


class DryRun(Exception):
    """The end of a run that was asked for its plan alone (``dry_run=true``); the plan has been printed."""
