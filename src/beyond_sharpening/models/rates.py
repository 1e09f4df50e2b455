"""How many tokens of completions a second a model draws, scores and learns from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """Tokens a second.

    Attributes:
        drawn: generated, all completions of a batch together.
        scored: passed through the model at once, prompts included.
        trained: forward and backward.
        source: what was measured, and where.
    """

    drawn: float
    scored: float
    trained: float
    source: str

    def scaled(self, share: float, words: str) -> Rates:
        """Rates of a model of another size."""
        return Rates(self.drawn * share, self.scored * share, self.trained * share, words)


MEASURED = {
    "cuda": (134_515_008, Rates(6_743, 72_124, 41_367, "SmolLM2-135M on one H200 in bfloat16 (docs/speed.md)")),
}
"""By device: parameters of a model, and its rates."""


def looked_up(parameters: int, device: str) -> Rates | None:
    """The rates that were measured on such a device, in proportion to the parameters; None where none were."""
    if device not in MEASURED:
        return None
    size, rates = MEASURED[device]
    words = f"a guess from {rates.source}, in proportion to parameters; dry_run=probe measures here"
    return rates.scaled(size / parameters, words)
