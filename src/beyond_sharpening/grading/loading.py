"""The grader that the parameters name."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading.verdict import Verdict


@dataclass(frozen=True)
class Grader:
    """The function called ``module:function``, which has the signature of :func:`grade`; it can be pickled.

    Attributes:
        name: ``module:function``.
        workers: processes that it may use.

    Raises:
        BadInput: if there is no such module or function.
    """

    name: str
    workers: int

    def __post_init__(self) -> None:
        self._load()

    def __call__(self, completions: Sequence[str], golds: Sequence[str]) -> Sequence[Verdict]:
        return self._load()(completions, golds, workers=self.workers)

    def _load(self) -> Callable[..., Sequence[Verdict]]:
        module, function = self.name.split(":")
        try:
            return getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise BadInput(
                f"task.grader = {self.name!r} cannot be imported ({error}); expected module:function"
            ) from error
