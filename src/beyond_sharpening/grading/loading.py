"""The grader that the parameters name."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading.grader import grade_by
from beyond_sharpening.grading.pool import try_out
from beyond_sharpening.grading.verdict import Claim, Verdict

_OURS = "beyond_sharpening.grading"
_TRIAL = 60.0  # seconds that one completion may take


def imported(name: str) -> Callable[..., Any]:
    """What is called ``module:function``."""
    module, function = name.split(":")
    return getattr(importlib.import_module(module), function)


@dataclass(frozen=True)
class Grader:
    """The function called ``module:function``, which has the signature of :func:`grade`; it can be pickled.

    A function ``states_an_answer`` in the same module, where there is one, is its check of gold answers. One of the
    user's own is called in worker processes, with one completion at a time, under the same limits of time and memory
    as ours.

    Attributes:
        name: ``module:function``.
        workers: processes that it may use.

    Raises:
        BadInput: if there is no such module or function, or it fails on every completion of several.
    """

    name: str
    workers: int

    def __post_init__(self) -> None:
        self._load()

    def __call__(self, completions: Sequence[str], golds: Sequence[str]) -> Sequence[Verdict]:
        if self.name.split(":")[0].startswith(_OURS):
            return self._load()(completions, golds, workers=self.workers)
        return grade_by(self.name, completions, golds, workers=self.workers)

    def try_on(self, golds: Sequence[str]) -> None:
        """Try a grader of the user's on completions that state these gold answers.

        Raises:
            BadInput: with the first that it fails on.
        """
        if not self.name.split(":")[0].startswith(_OURS):
            try_out([Claim(f"The answer is \\boxed{{{gold}}}", gold) for gold in golds], _TRIAL, self.name)

    def states_an_answer(self, gold: str) -> bool:
        """Whether a gold answer is one; a grader that does not say takes every text with something in it.

        Raises:
            ValueError: where it is one that the grader could not hold an answer against.
        """
        check = getattr(importlib.import_module(self.name.split(":")[0]), "states_an_answer", str.strip)
        return bool(check(gold))

    def _load(self) -> Callable[..., Sequence[Verdict]]:
        try:
            return imported(self.name)
        except (ImportError, AttributeError) as error:
            raise BadInput(
                f"task.grader = {self.name!r} cannot be imported ({error}); expected module:function"
            ) from error
