"""The mean of the trainer's own gradient estimates is the exact gradient of the objective.

One step of the real trainer (its sampler, TRL's advantages, loss and accumulation) draws hundreds of groups;
the gradient that reaches the optimiser is compared with autograd through the enumeration, away from π_ref.
"""

import dataclasses

import pytest
import torch
from trl import RLOOTrainer

from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.enumerable import EOS_IDS, enumerable_task
from beyond_sharpening.theory.optimum import perturbed
from beyond_sharpening.training import ObjectiveTrainer
from training.estimator import compare, estimated_gradient

COMPLETIONS = 768  # of each question
NORMALISATIONS = {"sum": "sum", "mean": "mean", "length_power": {"length_power": 0.5}}
TASK = enumerable_task()
POLICY = perturbed(TASK.start, seed=2)

TEMPERED = Objective.named("tempered")
CELLS = {
    "task_reward": Objective.named("task_reward"),
    **{
        f"{name}-{label}": Objective.named(name, beta=2, normalisation=normalisation)
        for name in ("sharpening", "tempered", "tilted", "null_control")
        for label, normalisation in NORMALISATIONS.items()
    },
}


def comparison(objective, folder, *, group_size=8, claimed=None, task=TASK, **options):
    """The trainer's gradient of ``objective`` against the exact gradient of ``claimed``."""
    sizes = {"groups": COMPLETIONS // group_size, "group_size": group_size}
    estimate = estimated_gradient(task, objective, POLICY, folder, **sizes, **options)
    return compare(task, claimed or objective, POLICY, estimate, **sizes)


GROUP_SIZES = (2, 4, 8)
PAIRS = {
    **{f"task_reward-{size}": ("task_reward", size) for size in GROUP_SIZES},
    **{
        f"{name}-{label}-{GROUP_SIZES[(row + column) % 3]}": (f"{name}-{label}", GROUP_SIZES[(row + column) % 3])
        for row, name in enumerate(("sharpening", "tempered", "tilted", "null_control"))
        for column, label in enumerate(NORMALISATIONS)
    },
}
"""A Latin square: every objective and every normalisation at every group size, which only the baseline knows of."""


@pytest.mark.parametrize(("objective", "group_size"), PAIRS.values(), ids=PAIRS)
def test_the_gradient_is_that_of_the_objective(objective, group_size, tmp_path):
    assert comparison(CELLS[objective], tmp_path, group_size=group_size).agrees


@pytest.mark.parametrize("objective", ["task_reward", "tempered-mean", "tilted-sum"])
def test_averaged_over_tokens_it_is_the_same_gradient_over_the_mean_length(objective, tmp_path):
    assert comparison(CELLS[objective], tmp_path, loss="tokens").agrees


def test_an_average_over_tokens_is_not_one_over_completions(tmp_path):
    """Each completion's own mean over its tokens would be another gradient: short ones would weigh more."""
    assert not comparison(CELLS["tilted-sum"], tmp_path, trainer=MeanOfEachCompletion).agrees


class MeanOfEachCompletion(ObjectiveTrainer):
    def _compute_loss(self, model, inputs):
        lengths = inputs["completion_mask"].sum(1).float()
        return super()._compute_loss(model, {**inputs, "advantages": inputs["advantages"] * lengths.mean() / lengths})


def test_the_gradient_of_fixed_length_generation(tmp_path):
    task = enumerable_task(fixed_length=True)
    assert comparison(CELLS["tilted-sum"], tmp_path, task=task, fixed_length=True).agrees


def test_the_policy_is_far_from_the_reference():
    """At π_ref much cancels; the null control's gradient would be zero whatever the trainer does."""
    log_q = TASK.log_probabilities(POLICY)
    assert ((log_q.exp() - TASK.log_p.exp()).abs().sum(1) / 2 > 0.2).all()


class NoEosInReference(ObjectiveTrainer):
    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, *args, **kwargs):
        inputs = (input_ids, attention_mask, logits_to_keep, *args)
        result = super()._get_per_token_logps_and_entropies(model, *inputs, **kwargs)
        if not torch.is_grad_enabled():
            per_token, _, _ = RLOOTrainer._get_per_token_logps_and_entropies(self, self.reference, *inputs, **kwargs)
            completions, mask = input_ids[:, -logits_to_keep:], attention_mask[:, -logits_to_keep:]
            kept = mask.bool() & ~torch.isin(completions, torch.tensor(EOS_IDS))
            self._logp_reference = (per_token * kept).sum(1)
        return result


class NoEosInPolicy(ObjectiveTrainer):
    """The EOS is not among the tokens whose log-probability the loss sums."""

    def _compute_loss(self, model, inputs):
        kept = inputs["completion_mask"] * ~torch.isin(inputs["completion_ids"], torch.tensor(EOS_IDS))
        return super()._compute_loss(model, {**inputs, "completion_mask": kept})


class PromptTokenInReference(ObjectiveTrainer):
    """The prompt's last token is counted among the completion's (all prompts have the tokens for it)."""

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, *args, **kwargs):
        inputs = (input_ids, attention_mask, logits_to_keep, *args)
        result = super()._get_per_token_logps_and_entropies(model, *inputs, **kwargs)
        if not torch.is_grad_enabled():
            wider = (input_ids, attention_mask, logits_to_keep + 1, *args)
            per_token, _, _ = RLOOTrainer._get_per_token_logps_and_entropies(self, self.reference, *wider, **kwargs)
            self._logp_reference = (per_token * attention_mask[:, -logits_to_keep - 1 :]).sum(1)
        return result


class LowTemperature(ObjectiveTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.engine.sampling = dataclasses.replace(self.sampling, temperature=0.5)


class K3Objective(Objective):
    """log π_ref − log π_θ replaced by the k3 estimate of −KL(π_θ‖π_ref)."""

    def reward(self, task_reward, logp_reference, logp_policy, n_tokens):
        log_ratio = logp_reference - logp_policy
        return -(log_ratio.exp() - 1 - log_ratio)


class StandardisedGroups(ObjectiveTrainer):
    """Advantages divided by the standard deviation of their group's rewards, as GRPO does."""

    def _calculate_rewards(self, *args):
        rewards = super()._calculate_rewards(*args)
        groups = rewards.view(-1, self.num_generations)
        return (groups / (groups.std(dim=1, keepdim=True) + 1e-4)).view(-1, 1)


MUTATIONS = {
    "a wrong coefficient": ("tempered-sum", {"objective": Objective.named("tempered", alpha=2.5)}),
    "no EOS in log π_ref": ("sharpening-sum", {"trainer": NoEosInReference}),
    "no EOS in log π_θ": ("task_reward", {"trainer": NoEosInPolicy}),
    "a prompt token, under mean": ("sharpening-mean", {"trainer": PromptTokenInReference}),
    "a sampling temperature": ("tilted-sum", {"trainer": LowTemperature}),
    "advantages over the batch's deviation": ("sharpening-sum", {"normalize_advantages": True}),
    "advantages over the group's deviation": ("tempered-sum", {"trainer": StandardisedGroups}),
    "k3 in the reward": ("null_control-sum", {"objective": K3Objective(0.0, 1.0, 1.0)}),
}


@pytest.mark.parametrize(("cell", "mutation"), MUTATIONS.values(), ids=MUTATIONS)
def test_a_trainer_that_is_wrong_is_caught(cell, mutation, tmp_path):
    options = {"objective": CELLS[cell], **mutation}
    assert not comparison(claimed=CELLS[cell], folder=tmp_path, **options).agrees


def test_under_sum_the_baseline_cancels_a_prompt_token(tmp_path):
    assert comparison(CELLS["sharpening-sum"], tmp_path, trainer=PromptTokenInReference).agrees
