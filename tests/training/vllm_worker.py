"""A training whose rollouts a colocated vLLM draws, in a process of its own: vLLM leaves much behind in its process."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import torch

from beyond_sharpening.models.policy import Policy
from training.small_cell import HARDWARE, nowhere, options, task, train


def colocated(base: Policy, workspace: Path, **changed) -> pd.DataFrame:
    """The history of a training with the changed options."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_train, base, workspace, changed).result()


def _train(base: Policy, workspace: Path, changed: dict) -> pd.DataFrame:
    if not torch.cuda.is_available():
        _make_the_processor_do()
    hardware = HARDWARE.model_copy(update={"engine": "vllm_colocate"})
    return train(base, task(), options(**changed), hardware, 0, workspace, nowhere).history


def _make_the_processor_do() -> None:
    """Linear layers of vLLM on a processor repack their weights where they load, and then cannot take others."""
    from torch.nn.functional import linear
    from vllm.model_executor.layers import utils

    def unpacked(layer: torch.nn.Module, remove_weight: bool) -> None:
        layer.cpu_linear = linear

    utils.dispatch_cpu_unquantized_gemm = unpacked
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"
