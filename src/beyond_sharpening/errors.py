"""Errors that the command line tells in one message; any other keeps its traceback."""


class BadInput(ValueError):
    """A parameter, file or table cannot be used; the message says which, why, and what is allowed."""


class WorkerFailed(RuntimeError):
    """One of a training's processes ended before its time; the message says which, of what, and what is kept."""
