"""What cannot be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.objectives import PRIMARY
from beyond_sharpening.reporting.blocks import Section
from beyond_sharpening.reporting.frames import most_samples
from beyond_sharpening.reporting.labels import look
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

TRUST = "That the samples were drawn alike, from the same prompts and with the same settings, is taken on trust."


def section(results: Results) -> Section:
    estimates, policies = results.estimates, results.policies
    ours = not results.run.read
    lines = []
    if policies != {"base"} and estimates["n_seeds"].max() == 1:
        trained = "Each objective was trained once." if ours else "Each policy is one training."
        lines.append(f"{trained} Nothing here tells how much another training seed would change.")
    if ours and (missing := [look(name).label for name in PRIMARY if name not in policies]):
        lines.append(f"Not in this comparison: {', '.join(missing)}.")
    if (most := most_samples(results.curves)) > 1:
        lines.append(
            f"At most {most} samples a problem were used. What a policy could find with more tries is not seen here."
        )
    if estimates["decoder"].eq("low_temperature").any():
        lines.append("Low temperature acts on one token at a time. It is not the same as sharpening whole answers.")
    lines += _rates(estimates) if ours else [TRUST]
    if results.run.base.get("type") == "tiny":
        lines.append(
            "The start model was made for this experiment, very small; the sizes do not carry over to large models."
        )
    return Section("Limits", ["\n".join(f"- {line}" for line in lines)])


def _rates(estimates: pd.DataFrame) -> list[str]:
    worst = {name: percent(estimates[f"{name}_rate"].max()) for name in ("truncated", "unparsable", "timeout")}
    return [
        "A completion that states no answer that can be read is counted apart, as unreadable, and so is one whose "
        "comparison with the gold answer took too long. Neither is a right answer, so each lowers the accuracy: at "
        f"most {worst['unparsable']} and {worst['timeout']} of the completions in any row of the table of all numbers. "
        f"At most {worst['truncated']} were cut short by the length limit."
    ]
