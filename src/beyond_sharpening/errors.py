"""What ends a run. The command line tells a ``ToldError`` in its own words; any other error keeps its traceback."""


class ToldError(Exception):
    """An error whose message says what happened, to which input, and what to do."""


class BadInput(ToldError, ValueError):
    """A parameter, file or table cannot be used; the message says which, why, and what is allowed."""


class WorkerFailed(ToldError, RuntimeError):
    """A process of a training or of the grader ended before its time; the message says which, of what, what is kept."""


class InUse(ToldError, RuntimeError):
    """Another run makes the same thing; the message says which."""


class DiskFull(ToldError, OSError):
    """There is no room for what was to be written."""


class Damaged(ToldError, OSError):
    """A file that is relied on is missing, cut short or not what it says it is; the message names it and the remedy."""


class EngineMismatch(ToldError, RuntimeError):
    """The engine that samples does not hold the policy in training, or did not do what it was asked."""


class TheoryFails(ToldError, ArithmeticError):
    """A claim of the theory does not hold: the code or the theory is wrong."""


class DryRun(Exception):
    """The end of a run that was asked for its plan alone (``dry_run=true``); the plan has been printed."""
