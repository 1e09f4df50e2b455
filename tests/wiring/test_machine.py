"""A profile that this machine cannot serve is refused with its remedy."""

import os
from types import SimpleNamespace

import pytest

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.memory import GIB, Memory
from beyond_sharpening.parameters import Hardware
from beyond_sharpening.wiring import machine
from beyond_sharpening.wiring.hooks import ALLOCATOR, Provenance
from beyond_sharpening.wiring.machine import check_data_folder, check_machine, forgotten_gpu


def hardware(**asked) -> Hardware:
    profile = {"device": "cuda", "dtype": "bfloat16", "train_batch": 8, "generation_batch": 8, "grading_workers": 1}
    return Hardware.model_validate({**profile, "gradient_checkpointing": True, **asked})


@pytest.fixture(autouse=True)
def two_gpus_and_no_package(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(machine, "find_spec", lambda package: None)


def test_what_is_there_is_enough():
    check_machine(hardware(processes=2, sharding="fsdp2", engine="paged"))
    check_machine(hardware(device="cpu", dtype="float32", processes=3))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"processes": 4}, r"hardware.processes = 4 want a GPU each, and there are 2 here; set hardware.processes=2"),
        ({"engine": "vllm_colocate"}, r"hardware.engine = 'vllm_colocate' needs the package vllm, .*: pip install"),
        ({"engine": "vllm_server"}, r"needs the package vllm, which is not installed: .* hardware.engine=transformers"),
        ({"evaluation_engine": "vllm"}, r"hardware.evaluation_engine = 'vllm' needs the package vllm, .*engine=transf"),
        ({"sharding": "zero3"}, r"hardware.sharding = 'zero3' needs the package deepspeed, .* hardware.sharding=fsdp2"),
        ({"attention": "flash_attention_2"}, r"needs the package flash_attn, .* or hardware.attention=sdpa"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_the_remedy(asked, told):
    with pytest.raises(BadInput, match=told):
        check_machine(hardware(**asked))


def test_a_profile_for_gpus_wants_one(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    told = r"hardware.device = 'cuda', but torch .* finds no such device here; run .* a profile for GPUs \(--env\)"
    with pytest.raises(BadInput, match=told):
        check_machine(hardware())


def test_with_the_package_it_is_taken(monkeypatch):
    monkeypatch.setattr(machine, "find_spec", lambda package: package)
    check_machine(hardware(engine="vllm_server", sharding="zero3", attention="flash_attention_2"))


@pytest.mark.parametrize("found", ["0.9.2", "0.22.0"])
def test_a_vllm_that_is_too_old_is_refused_with_the_one_that_is_needed(found, monkeypatch):
    monkeypatch.setattr(machine, "find_spec", lambda package: package)
    monkeypatch.setattr(machine, "version", lambda distribution: found)
    if found == "0.22.0":
        check_machine(hardware(evaluation_engine="vllm"))
        return
    with pytest.raises(BadInput, match=r"vllm is of version 0.9.2, and 0.22 or later is needed: pip install --upgrade"):
        check_machine(hardware(evaluation_engine="vllm"))


def test_options_that_would_change_what_is_drawn_or_are_nobodys_are_refused():
    with pytest.raises(ValueError, match="logprobs_mode is settled by the evaluation"):
        hardware(evaluation_engine="vllm", evaluation_engine_options={"logprobs_mode": "raw_logits"})
    with pytest.raises(ValueError, match="are of evaluation_engine = 'paged' or 'vllm'"):
        hardware(evaluation_engine_options={"enforce_eager": True})


def test_a_data_folder_is_made_and_left_empty_or_refused_with_the_reason(tmp_path):
    check_data_folder(tmp_path / "new" / "data")
    assert not list((tmp_path / "new/data").iterdir())
    (tmp_path / "file").touch()
    for folder, reason in ((tmp_path / "file", "File exists"), (tmp_path / "file/data", "Not a directory")):
        with pytest.raises(BadInput, match=rf"data = '{folder}' cannot be made or written \({reason}\): choose "):
            check_data_folder(folder)


def test_what_a_processor_cannot_hold_was_meant_for_a_gpu(monkeypatch):
    """By its parameters, or by what it holds whatever the batch; batches can be made to fit."""
    holding = Memory("training", {"weights": 6 * GIB}, {"activations": 100 * GIB}, "hardware.train_batch", 8)
    monkeypatch.setattr(machine, "physical_memory", lambda: 8 * GIB)
    assert forgotten_gpu(SimpleNamespace(parameters=5 * 10**8), [holding]) is None
    assert forgotten_gpu(SimpleNamespace(parameters=3 * 10**9), []) is None, "nothing is to run that needs it"
    told = "training holds 6.0 GiB whatever its batch, and this machine has 8.0; was --env=gpu"
    assert told in forgotten_gpu(SimpleNamespace(parameters=3 * 10**9), [holding])
    monkeypatch.setattr(machine, "physical_memory", lambda: 4 * GIB)
    assert "and this machine has 4.0" in forgotten_gpu(SimpleNamespace(parameters=5 * 10**8), [holding])


@pytest.mark.parametrize(
    ("asked", "set_before", "after"),
    [
        ({}, {}, {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}),
        ({}, {"PYTORCH_CUDA_ALLOC_CONF": "backend:native"}, {"PYTORCH_CUDA_ALLOC_CONF": "backend:native"}),
        ({"engine": "vllm_colocate"}, {}, {}),
        ({"device": "cpu"}, {}, {}),
    ],
)
def test_memory_of_a_gpu_grows_in_place_unless_told_otherwise(asked, set_before, after, monkeypatch):
    elsewhere = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    monkeypatch.setattr(os, "environ", {**elsewhere, **set_before})
    params = {"hardware": hardware(**asked).model_dump()}
    Provenance().after_context_created(SimpleNamespace(params=params, project_path="."))
    assert {name: os.environ[name] for name in ALLOCATOR & {*os.environ}} == after
