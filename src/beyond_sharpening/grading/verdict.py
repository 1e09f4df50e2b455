"""What grading says about one completion."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

Outcome = Literal["correct", "wrong", "unparsable", "timeout"]


class Claim(NamedTuple):
    """An answer, or a completion that states one, held against a gold answer.

    Attributes:
        text: the answer, ``""`` when there is none, or the completion.
        gold: the gold answer.
        columns: what else of the problem a grader asks for by name, a JSON object; empty where it asks for nothing.
    """

    text: str
    gold: str
    columns: str = ""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one completion: what cannot be scored is never called wrong.

    Attributes:
        outcome: ``correct``; ``wrong``; ``unparsable`` (no answer was found, or the grader failed on it);
            ``timeout`` (the comparison with the gold answer did not end in time).
        answer: the answer given, in canonical form: equal numbers (``\\frac12``, ``0.5``, ``1/2``) and other
            answers equal up to typesetting are the same string, so that votes can be counted. It depends on the
            completion alone, not on the gold answer. None when there is none, or the domain has no such form.
        score: in [0, 1]; 1 for a correct answer and 0 for any other where the domain has no degrees.
    """

    outcome: Outcome
    answer: str | None
    score: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.score):
            object.__setattr__(self, "score", float(self.correct))

    @property
    def correct(self) -> bool:
        """Whether the answer is the gold answer."""
        return self.outcome == "correct"


UNPARSABLE = Verdict("unparsable", None)
