"""Completions of similar length learn together, and no column of padding is computed."""

import torch

from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.enumerable import build_trainer, enumerable_task
from beyond_sharpening.training import passes
from beyond_sharpening.training.batches import by_length, by_prompt, taken, without_padding

LENGTHS = [3, 1, 4, 1, 5, 2]  # of completions
PROMPTS = [2, 3, 1, 3, 2, 2]


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Ids that tell row and column, and masks: 5 columns of prompts, 7 of completions."""
    ids = 100 * torch.arange(1, 7)[:, None] + torch.arange(12)
    places = torch.arange(12)
    first, last = 5 - torch.tensor(PROMPTS)[:, None], 5 + torch.tensor(LENGTHS)[:, None]
    return ids, ((places >= first) & (places < last)).long()


def test_columns_that_pad_every_row_are_left_out_and_no_token_is():
    ids, attention = padded()
    left, mask, kept = without_padding(ids, attention, 7)
    assert (left.shape, kept) == ((6, 3 + 5), 5)
    assert torch.equal(left[mask.bool()], ids[attention.bool()])
    assert mask[:, -kept:].sum(1).tolist() == LENGTHS
    two = torch.tensor([1, 3])
    assert without_padding(ids[two], attention[two], 7)[0].shape == (2, 3 + 1)


def test_rows_are_dealt_by_length_and_stay_whole():
    ids, attention = padded()
    batch = {"ids": ids, "completion_mask": attention[:, 5:]}
    dealt = [taken(batch, places) for places in by_length(batch, 2)]
    assert [part["completion_mask"].sum(1).tolist() for part in dealt] == [[5, 4], [3, 2], [1, 1]]
    rows = torch.cat([part["ids"][:, 0] for part in dealt]) // 100 - 1
    assert torch.cat([part["completion_mask"].sum(1) for part in dealt]).tolist() == [LENGTHS[row] for row in rows]
    assert sorted(rows.tolist()) == list(range(6))


def test_completions_of_a_prompt_are_dealt_together_and_long_groups_first():
    lengths = torch.tensor([1, 3, 2, 2, 1, 9])
    batch = {
        "prompt_ids": torch.tensor([[0, 5], [7, 7], [0, 5], [7, 7], [0, 5], [0, 6]]),
        "completion_mask": (torch.arange(9) < lengths[:, None]).long(),
    }
    assert [places.tolist() for places in by_prompt(batch, 2)] == [[5, 1], [3, 0], [2, 4]]


def test_a_padded_step_computes_no_column_of_padding_and_logs_a_mean_over_its_tokens(tmp_path, monkeypatch):
    """Whatever the batches that it is dealt into: nothing that is logged depends on them."""
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(passes, "takes_packed_rows", lambda model: False)

    class Watched(passes.PaddedPasses):
        def score(self, model, batch):
            def watch(model, args, kwargs):
                assert kwargs["attention_mask"].any(0).all()
                seen.append(kwargs["input_ids"].shape)

            hook = model.register_forward_pre_hook(watch, with_kwargs=True)
            try:
                return super().score(model, batch)
            finally:
                hook.remove()

    monkeypatch.setattr(passes, "PaddedPasses", Watched)

    def logged(batches: int) -> dict[str, float]:
        task = enumerable_task()
        built = build_trainer(
            task, Objective.named("tilted"), task.start, tmp_path / str(batches), groups=4, group_size=4,
            learning_rate=0.1, max_steps=1, logging_strategy="steps", logging_steps=1,
            per_device_train_batch_size=48 // batches, gradient_accumulation_steps=batches,
        )  # fmt: skip
        built.train()
        return built.state.log_history[0]

    whole, parts = logged(1), logged(8)
    assert len(seen) == 2 + 16, "the reference and the update"
    assert sum(rows * columns for rows, columns in seen[2:]) < 2 * seen[0][0] * seen[0][1]
    for name in ("entropy", "sampler_gap", "reward", "grad_norm"):
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-4, atol=1e-6)
