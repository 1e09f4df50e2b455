"""What the decoders must do, by enumeration: every completion of a small model, its target, the exact kernel."""

from dataclasses import dataclass
from functools import cache

import torch
from scipy import stats
from transformers import PreTrainedModel

from beyond_sharpening.exact.completions import Completions, enumerate_completions
from beyond_sharpening.exact.distributions import tempered
from beyond_sharpening.exact.policy import log_probabilities
from decoding.tiny_models import tiny_model

EOS = [0, 3]
LIMIT = 4
PROMPT = [1, 3]  # it holds an EOS, which ends nothing there


@dataclass(eq=False)
class World:
    """A model over five tokens, two of which end a completion: 161 completions of one to four tokens."""

    seed: int
    model: PreTrainedModel
    completions: Completions
    texts: list[tuple[int, ...]]
    logp: torch.Tensor

    def target(self, alpha):
        """π ∝ p^α, (Y,)."""
        return tempered(self.logp, alpha).exp()

    def log_z(self, alpha):
        return torch.logsumexp(alpha * self.logp, 0).item()

    def logq(self, temperature):
        return log_probabilities(self.model, [PROMPT], self.completions, temperature=temperature)[0]

    def counts(self, completions):
        places = {text: place for place, text in enumerate(self.texts)}
        drawn = torch.tensor([places[tuple(completion.tokens)] for completion in completions])
        return torch.bincount(drawn, minlength=len(self.texts)).double()

    @cache  # noqa: B019 - a handful of worlds, as long as the tests run
    def kernel(self, alpha, temperature):
        """Transition matrices of a Metropolis–Hastings step for each cut, (T, Y, Y), written down from the theory.

        From y, cut i < L(y) proposes y′ with the same first i tokens with probability q(y′ | y_<i), and accepts with
        min(1, exp(w(y′) − w(y))) where w = α·log p − log q.
        """
        logq = self.logq(temperature)
        weight = alpha * self.logp - logq
        matrices = []
        for cut in range(self.completions.max_length):
            matrix = torch.zeros(len(self.texts), len(self.texts), dtype=torch.float64)
            for row, text in enumerate(self.texts):
                if len(text) <= cut:
                    matrix[row, row] = 1.0
                    continue
                same = torch.tensor([len(other) > cut and other[:cut] == text[:cut] for other in self.texts])
                proposal = torch.where(same, logq, -torch.inf).softmax(0)
                matrix[row] = proposal * (weight - weight[row]).clamp(max=0).exp()
                matrix[row, row] += 1 - matrix[row].sum()
            matrices.append(matrix)
        return torch.stack(matrices)


def build_world(seed: int, limit: int = LIMIT) -> World:
    """Random weights large enough that the length of a completion depends on how it begins."""
    model = tiny_model(vocabulary=5)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.6, generator=generator)
    return enumerate_world(seed, model, limit)


def enumerate_world(seed: int, model: PreTrainedModel, limit: int = LIMIT) -> World:
    """The world of a model over five tokens."""
    completions = enumerate_completions(5, EOS, limit)
    lengths = completions.lengths.tolist()
    texts = [tuple(tokens[:length]) for tokens, length in zip(completions.tokens.tolist(), lengths, strict=True)]
    return World(seed, model, completions, texts, log_probabilities(model, [PROMPT], completions)[0])


def p_value(observed, expected):
    """χ² test of counts against expected counts (Y,); rare cells pooled, as the approximation needs."""
    possible = expected > 0
    if observed[~possible].sum() > 0:
        return 0.0
    rare = expected[possible] < 5
    pooled = [
        [*counts[~rare].tolist(), counts[rare].sum().item()] if rare.any() else counts.tolist()
        for counts in (observed[possible], expected[possible])
    ]
    return stats.chisquare(*pooled, sum_check=False).pvalue
