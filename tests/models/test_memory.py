"""The plan's memory against the bytes of models that are really built, trained a step and sampled from."""

import dataclasses

import pytest
import torch
from peft import get_peft_model
from torch._subclasses import FakeTensorMode
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache, PreTrainedModel, masking_utils
from trl import RLOOConfig
from trl.kernels import chunked_logprob
from trl.trainer import utils as trl_utils

from beyond_sharpening.decoding import SamplingOptions
from beyond_sharpening.decoding.sampling import Batch, uniforms
from beyond_sharpening.models.memory import (
    GIB,
    HEAD_ENTRIES,
    HEAD_TOKENS,
    VLLM_SHARE,
    Memory,
    activation_memory,
    cache_memory,
    cast_memory,
    evaluation_memory,
    gradient_memory,
    layer_memory,
    shortage,
    state_memory,
    training_lengths,
    training_memory,
)
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.models.start_model import architecture
from beyond_sharpening.parameters import Hardware, HubBase, Lora, Task, Training
from beyond_sharpening.training.adapters import adapter_config
from memory_peak import PeakMemory
from models.families import FAMILIES, shipped, tiny_base

ROWS, TOKENS = 3, 20


def build(family: str, layers: int = 2, **changed) -> PreTrainedModel:
    """A tiny model of the family, with widths that no two of which are equal."""
    widths = {"hidden_size": 24, "intermediate_size": 80, "num_attention_heads": 6, "num_key_value_heads": 2}
    config = {**tiny_base(family, "anywhere").config, **widths, "num_hidden_layers": layers, "head_dim": 16, **changed}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(**config)).float().train()


def hardware(**changed) -> Hardware:
    """One process on one GPU."""
    asked = {"device": "cuda", "dtype": "bfloat16", "train_batch": 8, "generation_batch": 8, "grading_workers": 1}
    return Hardware.model_validate({**asked, "gradient_checkpointing": False, **changed})


def tensor_bytes(tensors) -> int:
    """Bytes of the storages behind some tensors, each once."""
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_gradients_and_optimiser_are_those_of_a_trained_step(family, tied):
    model = build(family, tie_word_embeddings=tied)
    optimiser = torch.optim.AdamW(model.parameters())
    ids = torch.arange(10)[None]
    model(input_ids=ids, labels=ids).loss.backward()
    optimiser.step()
    shape = Shape.of(model.config)
    state = state_memory(shape, hardware())
    assert state["weights"] == tensor_bytes(model.parameters())
    assert gradient_memory(shape, hardware()) == tensor_bytes(parameter.grad for parameter in model.parameters())
    assert state["optimiser"] == tensor_bytes(t for kept in optimiser.state.values() for t in kept.values())
    assert state["reference"] == tensor_bytes(model.bfloat16().parameters())


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "up_proj"]])
@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_is_all_that_gradients_are_kept_of_and_the_weights_below_are_the_reference(family, targets):
    lora = Lora(rank=3, scale=6, targets=targets)
    model, shape = build(family).bfloat16(), Shape.of(build(family).config)
    adapted = get_peft_model(model, adapter_config(lora))
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    state = state_memory(shape, hardware(), lora)
    assert gradient_memory(shape, hardware(), lora) == tensor_bytes(trained)
    assert state["weights"] == tensor_bytes(adapted.parameters())
    assert "reference" not in state


def test_shards_divide_what_learns_and_nothing_else():
    shape, alone, shared = Shape.of(build("qwen3_4b").config), hardware(), hardware(processes=2, sharding="fsdp2")
    one, two = state_memory(shape, alone), state_memory(shape, shared)
    assert two["weights"] == one["weights"] // 2
    assert two["optimiser"] == one["optimiser"] // 2
    assert gradient_memory(shape, shared) == gradient_memory(shape, alone) // 2
    assert two["reference"] == one["reference"]
    casts = [cast_memory(shape.linear, on) for on in (alone, shared)]
    assert casts[1] == 0 < casts[0], "shards are gathered in the precision that autocast would cast to"
    zero3 = state_memory(shape, hardware(processes=2, sharding="zero3"))
    assert zero3 == {**two, "reference": two["reference"] // 2}
    copies = hardware(processes=2)
    assert state_memory(shape, copies) == one
    assert state_memory(shape, hardware(engine="paged"))["serving copy"] == one["reference"]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_cache_is_that_of_the_sampling_loop_in_training(family, dtype):
    """Float32 weights, under autocast where the hardware is to compute in bfloat16; room for every token."""
    model, prompt, new = build(family).eval(), [5, 6, 7], 8
    batch = Batch(model, SamplingOptions(new, [0]), uniforms([1, 2], ROWS, new))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
        batch.prefill([prompt, prompt], ROWS)
        batch.run()
    held = [tensor for layer in batch.cache.layers for tensor in (layer._all_keys, layer._all_values)]
    rows = len(batch.rows)  # those that ended early have left it
    assert tensor_bytes(held) == cache_memory(Shape.of(model.config), rows, len(prompt) + new, dtype)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_cache_is_that_of_generate(family):
    model, prompt, new = build(family).eval().bfloat16(), [5, 6, 7], 8
    generated = model.generate(
        torch.tensor([prompt] * ROWS), min_new_tokens=new, max_new_tokens=new, return_dict_in_generate=True
    )
    assert isinstance(generated.past_key_values, DynamicCache)
    kept = [tensor for layer in generated.past_key_values.layers for tensor in (layer.keys, layer.values)]
    # The last token is never fed back.
    planned = cache_memory(Shape.of(model.config), ROWS, len(prompt) + new - 1, "bfloat16")
    assert planned == sum(t.numel() * t.element_size() for t in kept)


def saved_for_backward(model: PreTrainedModel, dtype: str) -> int:
    """Bytes that autograd keeps of a forward pass with the fused head, beside the weights."""
    trl_utils.add_fused_lm_head(model)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept.append(tensor)  # alive, so that no storage is counted for another
        return tensor

    ids = torch.randint(0, 100, (ROWS, TOKENS))
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"),
    ):
        model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, fused_lm_head=True)
    return tensor_bytes(kept)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_saves_for_its_backward_pass_what_the_formula_says(family, dtype):
    """The difference between three layers and two; under autocast with the cast copies of its matrices."""
    models = [build(family, layers) for layers in (2, 3)]
    two, three = (Shape.of(model.config) for model in models)
    casts = cast_memory(three.linear - two.linear, hardware(dtype=dtype))
    saved = [saved_for_backward(model, dtype) for model in models]
    assert saved[1] - saved[0] == layer_memory(three, ROWS * TOKENS, dtype) + casts
    one, all_of_three = (activation_memory(shape, ROWS, TOKENS, dtype, False) for shape in (two, three))
    assert all_of_three - one == layer_memory(three, ROWS * TOKENS, dtype)


@pytest.mark.parametrize("family", FAMILIES)
def test_with_checkpointing_a_layer_saves_its_input_alone(family):
    models = [build(family, layers) for layers in (2, 3)]
    for model in models:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    two, three = (Shape.of(model.config) for model in models)
    saved = [saved_for_backward(model, "bfloat16") for model in models]
    planned = [activation_memory(shape, ROWS, TOKENS, "bfloat16", True) for shape in (two, three)]
    assert saved[1] - saved[0] == planned[1] - planned[0]
    assert planned[0] == 3 * (saved[1] - saved[0]), "of the two layers, and what comes out of the second"


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """The fused head's Triton kernels fold each tile where it is; their stand-ins for processors make copies of it."""
    for kernel in ("_forward_tile", "_backward_tile", "_addmm_fp32"):
        monkeypatch.setattr(chunked_logprob, kernel, lambda *parts, **named: None)
    # Whether a mask pads nothing is read from its values, which tensors without data do not have.
    monkeypatch.setattr(masking_utils, "_ignore_causal_mask_sdpa", lambda *asked: False)


@pytest.mark.parametrize("model", FAMILIES)
def test_the_passes_of_an_update_hold_what_the_plan_says_at_the_real_widths(model, as_on_a_gpu):
    """Two layers of the model, a batch of padded completions of the profile's size; on tensors without data.

    Gradients of an earlier batch are there. Of some sixty GiB the plan is less than one too high, and never too low.
    """
    config = AutoConfig.for_model(**{**shipped(model)["base"]["config"], "num_hidden_layers": 2})
    _, forward, backward = training_memory(Shape.of(config), *asked(model)[1:])
    with FakeTensorMode(), PeakMemory() as memory:
        policy = AutoModelForCausalLM.from_config(config, dtype=torch.float32).train()
        policy.gradient_checkpointing_enable({"use_reentrant": False})
        trl_utils.add_fused_lm_head(policy, outputs=("log_probs", "entropy"))
        for weight in policy.parameters():
            weight.grad = torch.zeros_like(weight)
        held = memory.now
        ids = torch.zeros(forward.batch, sum(lengths(model)), dtype=torch.long)
        with torch.autocast("cpu", torch.bfloat16):
            logp = policy(ids, attention_mask=torch.ones_like(ids), labels=ids, fused_lm_head=True).log_probs
        measured = [memory.peak - held]
        memory.begin()
        logp.sum().backward()
        measured.append(memory.peak - held)
    for planned, found in zip((forward, backward), measured, strict=True):
        own = planned.total - sum(planned.parts[name] for name in ("weights", "gradients", "optimiser", "reference"))
        assert 0 <= own - found <= 0.8 * GIB, planned.phase


def test_the_tile_of_the_head_is_trls():
    assert (HEAD_TOKENS, HEAD_ENTRIES) == (chunked_logprob.TOKEN_CHUNK_SIZE, trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE)


def lengths(model: str) -> tuple[int, int]:
    """Tokens of a prompt and of a completion."""
    return training_lengths(Task.model_validate(shipped(model)["task"]))


def asked(model: str, **hardware) -> tuple[Shape, Task, Training, Hardware]:
    parameters = shipped(model, "gpu")
    return (
        Shape.of(architecture(HubBase.model_validate(parameters["base"]))),
        Task.model_validate(parameters["task"]),
        Training.model_validate(parameters["train"]["tilted"]),
        Hardware.model_validate({**parameters["hardware"], **hardware}),
    )


@pytest.mark.parametrize("model", ["llama32_3b", "qwen25_3b"])
def test_the_gpu_profile_holds_the_models_of_three_billion_parameters(model):
    shape, task, options, hardware = asked(model)
    for memory in (*training_memory(shape, task, options, hardware), evaluation_memory(shape, task, hardware)):
        assert shortage(memory, hardware.memory_gib) is None


@pytest.mark.parametrize(("trl", "share"), [({}, 0.3), ({"vllm_gpu_memory_utilization": 0.5}, 0.5)])
def test_a_colocated_vllm_keeps_its_share_of_the_gpu_unless_it_sleeps(trl, share):
    assert RLOOConfig.vllm_gpu_memory_utilization == VLLM_SHARE
    shape, task, options, hardware = asked("qwen25_3b", engine="vllm_colocate", processes=4, sharding="fsdp2")
    vllm = options.model_copy(update={"trl": trl})
    for memory in training_memory(shape, task, vllm, hardware):
        assert memory.parts["vLLM"] == int(share * hardware.memory_gib * GIB)
    asleep = options.model_copy(update={"trl": {**trl, "vllm_enable_sleep_mode": True}})
    assert {memory.parts["vLLM"] for memory in training_memory(shape, task, asleep, hardware)} == {0}


def test_four_billion_parameters_do_not_train_on_one_gpu_as_they_do_on_four():
    shape, task, options, hardware = asked("qwen3_4b")
    *_, sharing = asked("qwen3_4b", processes=4, sharding="fsdp2", generation_batch=80)
    (sampling, *passes), four = (training_memory(shape, task, options, on) for on in (hardware, sharing))
    for update in passes:
        told = shortage(update, hardware.memory_gib)
        assert told.startswith(f"{update.phase} needs ")
        assert "the largest part is optimiser, 30.0 GiB; hardware.train_batch = 8 is too large, " in told
        assert "no hardware.train_batch fits: share the model among more GPUs" in shortage(update, 70)
    assert "hardware.generation_batch = 88 is too large, " in shortage(sampling, hardware.memory_gib)
    assert [shortage(memory, hardware.memory_gib) for memory in four] == [None, None, None]


def test_the_batch_that_would_fit_is_the_largest_that_does():
    shape, task, options, hardware = asked("llama32_3b", generation_batch=256)
    sampling, *_ = training_memory(shape, task, options, hardware)
    fits = sampling.largest_batch(78 * GIB)
    assert f"hardware.generation_batch = 256 is too large, {fits} would fit" in shortage(sampling, 78)
    for batch, fitting in ((fits, True), (fits + 1, False)):
        changed = hardware.model_copy(update={"generation_batch": batch})
        assert (shortage(training_memory(shape, task, options, changed)[0], 78) is None) == fitting


def test_nothing_fits_where_the_fixed_parts_do_not():
    memory = Memory("evaluation", {"weights": 10 * GIB}, {"generation cache": GIB}, "hardware.generation_batch", 4)
    assert memory.largest_batch(9 * GIB) == 0
    assert memory.total == 11 * GIB
    assert dataclasses.replace(memory, batch=8).largest_batch(11 * GIB) == 8
