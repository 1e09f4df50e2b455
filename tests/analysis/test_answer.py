"""The answer where a ranking by pass@1 gives a wrong one, and on policies whose completions can all be listed."""

import numpy as np
import pytest
import torch

from beyond_sharpening.analysis import compare_arms, estimates, mechanism, verdict
from beyond_sharpening.analysis.validation.worlds import World, draw_samples, make_world, member, with_new_mass
from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.policy import markov_log_probabilities

NEW = 20
UNDER_TRAINED = {"sharpening": member(1.02), "tempered": member(1.02)}


def answer(policies, seed=0):
    """The verdict on policies of a world whose first 20 of 200 problems the base solves once in a million."""
    world = make_world(seed, new_mass=NEW)
    samples, scores = draw_samples(world, policies, n_samples=16, noise=0.01, seed=seed)
    return verdict(compare_arms(samples), estimates(samples, [1]), mechanism(samples, scores))


@pytest.mark.parametrize(
    ("policies", "did", "headline"),
    [
        (
            {"task_reward": with_new_mass(NEW, level=0.3), "sharpening": member(3), "tempered": member(2)},
            "beyond",
            "Task reward taught the base problems that it practically could not solve, ",
        ),
        ({"task_reward": member(4), **UNDER_TRAINED}, "sharpening", "Task reward only sharpened the base, "),
        (
            {"task_reward": member(1, 3), **UNDER_TRAINED},
            "tilt",
            "Task reward only picked out what is right among what the base already did, ",
        ),
    ],
    ids=["new mass on a tenth", "a power beside under-trained rivals", "a pure tilt"],
)
def test_what_a_training_did_does_not_depend_on_whom_it_beats(policies, did, headline):
    found = answer(policies)
    assert found.did["task_reward"] == did
    assert found.headline.startswith(headline)


LISTED = {
    "sharpening": member(2),
    "tilt": member(1, 2),
    "sharpening and tilt": member(2, 2),
    "no change": member(),
    "flattening": member(0.5),
    "tilt away": member(1, -1.5),
}


def test_policies_whose_completions_are_all_listed_get_their_names():
    """Markov chains over four tokens, one an EOS, a chain a problem: every completion of up to four tokens is known."""
    completions = enumerate_completions(4, (0,), 4)
    rng = np.random.default_rng(0)
    chains = torch.tensor(rng.dirichlet(np.full(4, 0.7), (80, 5)))
    log_p = np.stack([markov_log_probabilities(completions, chain[0], chain[1:]).numpy() for chain in chains])
    assert np.exp(log_p).sum(axis=1) == pytest.approx(1), "nothing is left out"
    right = rng.random(log_p.shape) < rng.beta(1.2, 1.8, (80, 1))
    lengths = np.broadcast_to(completions.lengths.numpy(), log_p.shape)
    samples, scores = draw_samples(World(log_p, right, lengths), LISTED, n_samples=16, noise=0.01)
    named = mechanism(samples, scores).set_index("policy")["name"]
    assert named.to_dict() == {kind: kind for kind in LISTED}
