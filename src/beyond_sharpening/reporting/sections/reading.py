"""The terms, for whoever meets them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section

if TYPE_CHECKING:
    from beyond_sharpening.reporting.results import Results

TRIES = """\
- **Pass@1** is the chance that one sample is right. Every policy answers each problem several times, and the share of right answers is averaged over problems.
- **Pass@k** is the chance that at least one of k samples is right. It shows what a policy can find at all, not what it prefers."""  # noqa: E501
VOTE = "- **Majority vote (maj@k)** takes the most frequent of k answers. It needs no training and no right answers, only k times the work."  # noqa: E501
DECODING = "- **Greedy decoding** always takes the most likely next token, **low temperature** favours likely tokens. Both are cheap ways of sharpening."  # noqa: E501
CLAIMS = """\
- **The interval** says how far the number could be off. Samples of one problem resemble each other, so problems are counted, not samples. With several training seeds the seeds are counted, since two trainings differ more than two sets of samples. [–] stands where there is none: what is counted does not differ at all, and from that no uncertainty can be told. The p-value is then that of an exact permutation.
- **The claim.** With one training seed a result speaks of *this checkpoint*: another training might end elsewhere. With several it speaks of *the training procedure*."""  # noqa: E501


def section(results: Results) -> Section:
    """Those terms that the report uses."""
    votes = results.curves["maj_at_k"].notna().any()
    decoders = results.estimates["decoder"].nunique() > 1
    words = [TRIES, *[VOTE] * bool(votes), *[DECODING] * bool(decoders), CLAIMS]
    return Section("How to read this", ["\n".join(words)])
