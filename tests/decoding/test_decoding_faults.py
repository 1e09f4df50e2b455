"""The faults of the public power sampler, put into ours on purpose: each makes the test of exactness fail.

The test is that of ``test_decoding_mh.py``: χ² of 8,000 chains against the enumerated kernel, on completions of one to
four tokens, two EOS ids, and a prompt that holds one of them.
"""

import pytest
import torch

from beyond_sharpening.decoding import mh, sampling
from beyond_sharpening.decoding.mh import Chains
from beyond_sharpening.decoding.sampling import Batch, Draws
from decoding.enumeration import EOS, LIMIT, PROMPT, build_world
from decoding.test_decoding_mh import after_steps, fits

_propose, _proposal = Chains._propose, sampling.proposal


@pytest.fixture(scope="module", params=[4, 8], ids=["long", "short"])
def world(request):
    return build_world(request.param)


class SlicedSuffix(mh._Suffixes):
    """Of the state's suffix only as many tokens count as the proposal has."""

    def __init__(self, chains, owners, cuts, log_u, columns):
        super().__init__(chains, owners, cuts, log_u, columns)
        self.log_u, self.before = log_u, chains.draws[owners].weights(chains.alpha)

    def draw(self):
        now = Batch.draw(self)
        here = self.rows[now]
        self.gained[here] += self.draws.last_weights(here, self.chains.alpha)
        place = torch.arange(LIMIT)
        compared = (place >= self.cuts[:, None]) & (place < self.draws.lengths[:, None])
        ended = here[~self.open[here]]
        self.accepted[ended] = (self.log_u + (self.before * compared).sum(-1) < self.gained)[ended]
        return now


class CappedAtTheCurrentLength(mh._Suffixes):
    def __init__(self, chains, owners, cuts, log_u, columns):
        super().__init__(chains, owners, cuts, log_u, columns)
        self.caps = chains.draws.lengths[owners]

    def draw(self):
        now = super().draw()
        self.open &= self.draws.lengths < self.caps
        return now


def moving_only(keep):
    """Steps that move only the chains of which ``keep`` is true."""

    def propose(self, rows, cuts, log_u, columns):
        moving, accepted = keep(self.draws.tokens[rows]), torch.zeros(len(rows), dtype=torch.bool)
        if moving.any():
            accepted[moving] = _propose(self, rows[moving], cuts[moving], log_u[moving], columns[moving])
        return accepted

    return propose


def without_eos(tokens):
    # A token past the end is 0, an EOS: what has ended at four tokens differs from what has not by its last alone.
    return ~torch.isin(tokens[:, -1], torch.tensor(EOS))


def without_eos_in_prompt_or_state(tokens):
    prompt = torch.tensor(PROMPT).expand(len(tokens), -1)
    return ~torch.isin(torch.cat([prompt, tokens], 1), torch.tensor(EOS)).any(-1)


def cut_below_the_current_length(self, cap):
    """Without the ratio L/L′ that such cuts need."""
    columns = torch.rand(self.chains, cap + 1)
    cuts = (torch.rand(self.chains) * self.draws.lengths).long()
    self._propose(torch.arange(self.chains), cuts, columns[:, 0].double().log(), columns[:, 1:])
    self.trace.append(self.draws.logp.sum(-1))


def with_hidden_top_k(logp, column, eos, options):
    """As ``generate`` has one in its defaults."""
    least = logp.topk(3).values[:, -1:]
    return _proposal(logp, column, eos, options).masked_fill(logp < least, -torch.inf).log_softmax(-1)


FAULTS = {
    "the state's suffix is sliced to the proposal's length": (mh, "_Suffixes", SlicedSuffix),
    "the factor L/L′ is missing": (Chains, "step", cut_below_the_current_length),
    "a proposal is at most as long as the state": (mh, "_Suffixes", CappedAtTheCurrentLength),
    "chains freeze at EOS": (Chains, "_propose", moving_only(without_eos)),
    "EOS is searched in the prompt too": (Chains, "_propose", moving_only(without_eos_in_prompt_or_state)),
    "a hidden top_k": (sampling, "proposal", with_hidden_top_k),
}


def is_caught(world, temperature=1.0, **options):
    """Whether the test fails; what is no completion of the model it does not even count."""
    try:
        return not fits(*after_steps(world, temperature, **options))
    except KeyError:
        return True


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_public_sampler_is_caught(world, fault, monkeypatch):
    monkeypatch.setattr(*fault)
    assert is_caught(world)


def test_a_forgotten_proposal_is_caught(world, monkeypatch):
    def last_without_proposal(self, rows, alpha):
        return alpha * self.logp[rows, self.lengths[rows] - 1].double()

    monkeypatch.setattr(Draws, "weights", lambda self, alpha: alpha * self.logp.double())
    monkeypatch.setattr(Draws, "last_weights", last_without_proposal)
    assert is_caught(world, temperature=0.4)


def test_knowing_one_eos_only_is_caught(world):
    """Chains go on past the second, to what is no completion."""
    assert is_caught(world, eos=EOS[:1])


def test_without_a_fault_there_is_nothing_to_catch(world):
    assert not is_caught(world)
