"""The grader that the parameters name."""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
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

    One of the user's may have further parameters, named as columns of the problems, and gets lists of what these hold.
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

    def __call__(
        self, completions: Sequence[str], golds: Sequence[str], columns: Sequence[str] = ()
    ) -> Sequence[Verdict]:
        """Grade; ``columns`` are JSON objects with what :attr:`asks` names of each problem."""
        if self._is_ours:
            return self._load()(completions, golds, workers=self.workers)
        return grade_by(self.name, completions, golds, columns, workers=self.workers)

    @property
    def asks(self) -> Mapping[str, bool]:
        """The columns of a problem that the grader asks for by name, and whether it cannot do without."""
        if self._is_ours:
            return {}
        further = [*inspect.signature(self._load()).parameters.values()][2:]
        named = [one for one in further if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        return {one.name: one.default is one.empty for one in named if one.name != "workers"}

    def try_on(self, golds: Sequence[str], columns: Sequence[str] = ()) -> None:
        """Try a grader of the user's on completions that state these gold answers.

        Raises:
            BadInput: with the first that it fails on.
        """
        if not self._is_ours:
            said = [f"The answer is \\boxed{{{gold}}}" for gold in golds]
            claims = [Claim(*parts) for parts in zip(said, golds, columns or [""] * len(golds), strict=True)]
            try_out(claims, _TRIAL, self.name)

    @property
    def _is_ours(self) -> bool:
        return self.name.split(":")[0].startswith(_OURS)

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
