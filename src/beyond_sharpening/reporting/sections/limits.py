"""What cannot be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.objectives import PRIMARY
from beyond_sharpening.reporting.blocks import Section
from beyond_sharpening.reporting.frames import most_samples
from beyond_sharpening.reporting.labels import look
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    from beyond_sharpening.reporting.results import Results


def section(results: Results) -> Section:
    estimates, policies = results.estimates, results.policies
    worst = {name: percent(estimates[f"{name}_rate"].max()) for name in ("truncated", "unparsable", "timeout")}
    lines = []
    if policies != {"base"} and estimates["n_seeds"].max() == 1:
        lines.append("Each objective was trained once. Nothing here tells how much another training seed would change.")
    if missing := [look(name).label for name in PRIMARY if name not in policies]:
        lines.append(f"Not in this comparison: {', '.join(missing)}.")
    if (most := most_samples(results.curves)) > 1:
        lines.append(
            f"At most {most} samples a problem were used. What a policy could find with more tries is not seen here."
        )
    if estimates["decoder"].eq("low_temperature").any():
        lines.append("Low temperature acts on one token at a time. It is not the same as sharpening whole answers.")
    lines.append(
        "A completion that states no answer that can be read is counted apart, as unreadable, and so is one whose "
        "comparison with the gold answer took too long. Neither is a right answer, so each lowers the accuracy: at "
        f"most {worst['unparsable']} and {worst['timeout']} of the completions in any row of the table of all numbers. "
        f"At most {worst['truncated']} were cut short by the length limit."
    )
    if sentence := start_model(results):
        lines.append(sentence)
    return Section("Limits", ["\n".join(f"- {line}" for line in lines)])


def start_model(results: Results) -> str:
    """How a start model that was made here was made; nothing of one that was taken over."""
    base = results.run.base
    if base.get("type") != "tiny":
        return ""
    guesses = 1 - base["step_by_step_share"]
    return (
        "The start model was made for this experiment. It is very small, and it learned from texts of which "
        f"{100 * guesses:.0f} % are guesses, {100 * base['guess_error']:.0f} % of these wrong: how often it is right "
        "at the start, and what there is to sharpen, was chosen so. The mechanism can be studied on it; the sizes do "
        "not carry over to large models."
    )
