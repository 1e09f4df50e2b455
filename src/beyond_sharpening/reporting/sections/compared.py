"""What the question means, and who is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Block, Section, plain
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
    blocks: list[Block] = [QUESTION, "\n".join(lines)]
    if made := start_model(results):
        blocks.append(made)
    return Section("What was compared", blocks)


def start_model(results: Results) -> str:
    """How a start model that was made here was made; nothing of one that was taken over."""
    base = results.run.base
    if base.get("type") != "tiny":
        return ""
    guesses, misread = 1 - base["step_by_step_share"], base.get("misread_share", 0)
    overlooked = f"; where a problem has brackets, {100 * misread:.0f} % of all texts overlook them" if misread else ""
    return (
        "The start model was made for this experiment. It is very small, and it learned from texts of which "
        f"{100 * guesses:.0f} % are guesses, {100 * base['guess_error']:.0f} % of these wrong{overlooked}. How often "
        "it is right at the start, where its likeliest answer is right and where wrong, and what there is to sharpen, "
        "was chosen so. The mechanism can be studied on it; the sizes do not carry over to large models."
    )
