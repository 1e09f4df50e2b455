"""What the question means, and who is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, plain
from beyond_sharpening.reporting.labels import MEANINGS, look, rank

if TYPE_CHECKING:
    from beyond_sharpening.reporting.results import Results

QUESTION = """\
A language model can be trained further by reinforcement learning (RL): it answers problems, and answers that earn a \
high reward become more likely. Does this teach the model something, or does it only make it surer of what it already \
found likely? If it only makes it surer, then training without any right answers, or cheaper decoding, would do as \
well. A *policy* is the model as it is after one such training. All of them start from the same base model, are \
trained the same way, and differ only in the reward:"""


def section(results: Results) -> Section | None:
    if results.run.read:  # how these policies were made is not known
        return None
    known = [name for name in sorted(results.policies, key=rank) if name in MEANINGS]
    others = [name for name in sorted(results.policies, key=rank) if name not in MEANINGS]
    lines = [f"- **{look(name).label}**: {MEANINGS[name]}" for name in known]
    lines += [
        f"- **{plain(look(name).label)}**: from another system; how it was made is not known here." for name in others
    ]
    return Section("What was compared", [QUESTION, "\n".join(lines)])
