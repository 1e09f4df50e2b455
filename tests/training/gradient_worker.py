"""Two processes of training steps on the enumerable task: ``gradient_worker.py FOLDER``.

They are forked when everything is imported, which takes longer than the steps do. The first leaves the gradient that
reaches the optimiser, by parameter name, and the policy after the step.
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from accelerate import DistributedType, PartialState
from accelerate.state import AcceleratorState
from torch.distributed.elastic.utils.distributed import get_free_port
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from beyond_sharpening.objectives import Objective
from beyond_sharpening.parameters.signals import Noisy
from beyond_sharpening.theory.enumerable import QUESTIONS, build_trainer, enumerable_task
from beyond_sharpening.theory.optimum import perturbed
from beyond_sharpening.training import ObjectiveTrainer
from beyond_sharpening.training import arguments as arguments_of_trl
from training.small_cell import HARDWARE

PROCESSES = 2
GROUPS, GROUP_SIZE = 8, 4


FLIPPED = Noisy(type="noisy", false_positive=0.5, false_negative=0.5)
"""Each process must be told what one would be told of its completions."""


class Recorded(ObjectiveTrainer):
    """Keeps the type of the log-probabilities that the loss is made of."""

    def _compute_loss(self, model, inputs):
        score = self.passes.score

        def watched(model, batch):
            scores = score(model, batch)
            self.precision = scores.logp.dtype
            return scores

        self.passes.score = watched
        try:
            return super()._compute_loss(model, inputs)
        finally:
            self.passes.score = score


class NamedGradients(TrainerCallback):
    """Keeps every gradient whole, by the name of its parameter in the plain model."""

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        self.sharded = any(isinstance(part.grad, DTensor) for part in kwargs["model"].parameters())
        self.found = {
            name.removeprefix("module."): (
                part.grad.full_tensor() if isinstance(part.grad, DTensor) else part.grad
            ).double()
            for name, part in kwargs["model"].named_parameters()
        }


def take_step(folder: Path, processes: int, double: bool, **arguments) -> NamedGradients:
    """One step on the same batch of completions, however many processes share it; saves the policy after it."""
    task = enumerable_task()
    policy = perturbed(task.start, seed=2)
    recorder = NamedGradients()
    built = build_trainer(
        task,
        Objective.named("tilted", beta=2),
        policy.double() if double else policy,
        folder,
        groups=GROUPS,
        group_size=GROUP_SIZE,
        learning_rate=0.1,
        max_steps=1,
        max_grad_norm=0.0,
        trainer=Recorded,
        per_device_train_batch_size=len(QUESTIONS) * GROUPS * GROUP_SIZE // processes // 2,
        gradient_accumulation_steps=2,
        signal=FLIPPED,
        **arguments,
    )
    built.add_callback(recorder)
    built.train()
    recorder.precision = built.precision
    again = built.rollouts([task.prompts[built.accelerator.process_index % 3]], 4, "after")
    assert len(again[0]) == 4, "each process samples at its own pace"
    built.save_policy(task.tokenizer, folder / "policy")
    return recorder


def shard_on_processors() -> None:
    """accelerate shards on accelerators only: let its state take this machine's processor for one."""
    initialise = AcceleratorState.__init__

    def on_an_accelerator(state, *args, **kwargs):
        if PartialState._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU
        initialise(state, *args, **kwargs)

    AcceleratorState.__init__ = on_an_accelerator


def main(folder: Path) -> None:
    """A step with a copy of the policy on each process (ddp), and two with a shard of it on each (fsdp2)."""
    copies = {"ddp_backend": "gloo", "ddp_find_unused_parameters": False}
    for kind in ("ddp", "fsdp2", "fsdp2_bfloat16"):
        arguments: dict[str, Any] = {**copies, "bf16": kind == "fsdp2_bfloat16"}
        if kind != "ddp":
            arguments |= arguments_of_trl._sharding(HARDWARE.model_copy(update={"sharding": "fsdp2"}))
        if kind == "fsdp2":
            shard_on_processors()
        step = take_step(folder / kind, int(os.environ["WORLD_SIZE"]), double=kind == "ddp", **arguments)
        if os.environ["RANK"] == "0":
            told = {"gradient": step.found, "sharded": step.sharded, "precision": step.precision}
            torch.save(told, folder / f"{kind}.pt")


def process(rank: int, folder: Path, port: int) -> None:
    """What torch's launcher would tell one of the processes, and its work."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": PROCESSES, "LOCAL_WORLD_SIZE": PROCESSES}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    main(folder)


if __name__ == "__main__":
    torch.multiprocessing.start_processes(
        process, (Path(sys.argv[1]), get_free_port()), nprocs=PROCESSES, start_method="fork"
    )
