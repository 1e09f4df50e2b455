"""Decoders that choose one of N independent draws.

All but the Metropolis–Hastings chain are one weight a draw, and one draw by these weights: a likeliest draw has all
of the weight, the draws of the most frequent answer share it, importance resampling weighs by target / proposal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from beyond_sharpening.decoding.sampling import Completion
from beyond_sharpening.parameters.decoders import (
    BestOfN,
    IndependentMH,
    MajorityVote,
    OracleBestOfN,
    OracleTilted,
    PoolDecoder,
    Sir,
)


class Judgement(Protocol):
    """What is known of a completion's answer: its canonical form (None abstains), and whether it is right."""

    @property
    def answer(self) -> str | None: ...
    @property
    def correct(self) -> bool: ...


JUDGED = (MajorityVote, OracleBestOfN, OracleTilted)
"""The decoders that read answers."""


def choose(
    options: PoolDecoder, draws: Sequence[Completion], judgements: Sequence[Judgement], uniforms: np.ndarray
) -> Completion:
    """The completion that a decoder chooses from a pool, at the cost of the pool.

    Args:
        options: the decoder.
        draws: N completions with their log-probabilities under model and proposal.
        judgements: one a draw, for the decoders in ``JUDGED``; not read by the others.
        uniforms: (N,) uniforms in [0, 1) that belong to this choice.
    """
    log_weights = _log_weights(options, draws, judgements)
    weights = np.exp(log_weights - log_weights.max())
    diagnostics = {}
    if isinstance(options, Sir | IndependentMH | OracleTilted):
        effective = weights.sum() ** 2 / np.square(weights).sum()
        diagnostics = {"ess": effective / len(draws), "log_z": np.log(weights.mean()) + log_weights.max()}
    if isinstance(options, IndependentMH):
        chosen, accepted = _chain(log_weights, uniforms)
        if len(draws) > 1:
            diagnostics["acceptance"] = accepted / (len(draws) - 1)
    else:
        cumulative = weights.cumsum() / weights.sum()
        chosen = int(np.searchsorted(cumulative, uniforms[0], side="right").clip(max=len(draws) - 1))
    diagnostics["duplicates"] = 1 - len({tuple(draw.tokens) for draw in draws}) / len(draws)
    diagnostics["unfinished"] = float(np.mean([draw.truncated for draw in draws]))
    cost = sum(draw.forward_tokens for draw in draws)
    return replace(draws[chosen], forward_tokens=cost, diagnostics={k: float(v) for k, v in diagnostics.items()})


def importance(alpha: float, draws: Sequence[Completion]) -> np.ndarray:
    """α·log π − log q of each draw, (N,): E_q[exp] = Σ π^α."""
    return np.array([alpha * draw.logp - draw.logq for draw in draws])


def _log_weights(options: PoolDecoder, draws: Sequence[Completion], judgements: Sequence[Judgement]) -> np.ndarray:
    """The log of what each draw is chosen in proportion to, (N,); −∞ where it cannot be."""
    match options:
        case BestOfN(by="sum"):
            return _only(np.array([draw.logp for draw in draws]))
        case BestOfN():
            return _only(np.array([draw.logp / len(draw.tokens) for draw in draws]))
        case Sir() | IndependentMH():
            return importance(options.alpha, draws)
        case OracleTilted():
            right = np.array([judgement.correct for judgement in judgements])
            return importance(options.alpha, draws) + options.beta * right
        case OracleBestOfN():
            return _only(np.array([float(judgement.correct) for judgement in judgements]))
        case _:
            answers = [judgement.answer for judgement in judgements]
            votes = Counter(answer for answer in answers if answer is not None)
            return _only(np.array([0.0 if answer is None else float(votes[answer]) for answer in answers]))


def _only(merits: np.ndarray) -> np.ndarray:
    """All of the weight on the draws of the greatest merit, in equal shares."""
    return np.where(merits == merits.max(), 0.0, -np.inf)


def _chain(log_weights: np.ndarray, uniforms: np.ndarray) -> tuple[int, int]:
    """Last state and number of moves of a chain that begins at the first draw and proposes each other in turn."""
    state, accepted = 0, 0
    for proposal in range(1, len(log_weights)):
        if np.log(uniforms[proposal]) < log_weights[proposal] - log_weights[state]:
            state, accepted = proposal, accepted + 1
    return state, accepted
