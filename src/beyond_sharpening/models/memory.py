"""What a run needs before it has run: GPU memory by part, and steps and tokens of a training.

Counted from the shape of a model (``shape``) and from how training and decoding here hold it: float32 weights that
autocast turns to bfloat16, AdamW, a frozen reference, one policy update a batch. B is the completions of a batch, T the
tokens of a prompt with its completion. What the GPU's own runtime and its allocator take is left out:
``hardware.memory_gib`` is what is left for the rest. At the widths of the models here the passes of an update hold less
than a GiB less than is counted, and never more (``tests/models/test_memory.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from beyond_sharpening.models.shape import Shape
from beyond_sharpening.parameters import Hardware, Lora, Task, Training

GIB = 2**30
FLOAT32, FLOAT64 = 4, 8
BYTES = {"float32": 4, "bfloat16": 2}

# TRL's fused head projects this many tokens onto this many entries at a time (trl.kernels.chunked_logprob).
HEAD_TOKENS, HEAD_ENTRIES = 4096, 32768
# The share of a GPU that a colocated vLLM takes (trl.RLOOConfig.vllm_gpu_memory_utilization).
VLLM_SHARE = 0.3
# The same of one that evaluates, beside policy and start model, which score.
EVALUATION_VLLM_SHARE = 0.5
# Stands in where task.max_prompt_tokens is not given.
PROMPT_TOKENS = 512


@dataclass(frozen=True)
class Memory:
    """What one process holds at once while it does one thing, in bytes by part.

    Attributes:
        phase: what it does.
        fixed: parts that no batch size changes.
        batched: parts in proportion to the batch.
        batch_key: the parameter that sets the batch.
        batch: its value.
    """

    phase: str
    fixed: Mapping[str, int]
    batched: Mapping[str, int]
    batch_key: str
    batch: int
    parts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", {**self.fixed, **self.batched})

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.parts.values())

    def largest_batch(self, limit: float) -> int:
        """The largest batch that fits into ``limit`` bytes; 0 where none does."""
        room = limit - sum(self.fixed.values())
        return max(0, int(room * self.batch // sum(self.batched.values())))


def state_memory(shape: Shape, hardware: Hardware, lora: Lora | None = None) -> dict[str, int]:
    """What one process of a training holds throughout, gradients aside.

    Weights that learn are float32, and AdamW keeps two moments of each of them and a step count of each tensor
    (Loshchilov & Hutter, arXiv 1711.05101; ``torch.optim.AdamW``), 4 bytes each. The reference has the dtype of the
    hardware; below an adapter it is the weights themselves, which have that dtype too. Shards are of weights and
    optimiser; the reference is whole on every process, except under ZeRO-3.
    """
    size, shards, trainable = BYTES[hardware.dtype], _shards(hardware), shape.trainable(lora)
    weight = FLOAT32 if _learns(hardware, lora) else size
    state = {
        "weights": (weight * shape.parameters + (FLOAT32 * trainable if lora else 0)) // shards,
        "optimiser": (2 * FLOAT32 * trainable + FLOAT32 * shape.tensors) // shards,
    }
    if lora is None:
        state["reference"] = size * shape.parameters // (shards if hardware.sharding == "zero3" else 1)
    if hardware.engine == "paged":
        state["serving copy"] = size * shape.parameters
    return state


def _shards(hardware: Hardware) -> int:
    return 1 if hardware.sharding == "none" else hardware.all_processes


def _learns(hardware: Hardware, lora: Lora | None) -> bool:
    """Whether the weights themselves, or what is merged into them, must be float32."""
    return lora is None or hardware.vllm is not None


def cast_memory(entries: int, hardware: Hardware, lora: Lora | None = None) -> int:
    """The copies that autocast makes of float32 matrices, and keeps until its block ends.

    Shards are gathered in that precision, and weights below an adapter have it.
    """
    mixed = hardware.dtype != "float32" and _shards(hardware) == 1 and _learns(hardware, lora)
    return BYTES[hardware.dtype] * entries if mixed else 0


def gradient_memory(shape: Shape, hardware: Hardware, lora: Lora | None = None) -> int:
    """One float32 number a trainable parameter."""
    return FLOAT32 * shape.trainable(lora) // _shards(hardware)


def cache_memory(shape: Shape, rows: int, tokens: int, dtype: str) -> int:
    """Keys and values of every layer, head and token."""
    return 2 * shape.layers * shape.keys * rows * tokens * BYTES[dtype]


def layer_memory(shape: Shape, tokens: int, dtype: str) -> int:
    """What one layer saves for its backward pass, with attention that never writes its T × T weights.

    After Korthikanti et al. (arXiv 2205.05198), section 4.1, for a gated MLP, RMS norms and float32 weights.
    Each norm saves its input and its normalised input in float32 and one scale a token. Under autocast every linear
    layer saves a cast copy of its input: h for queries, keys, values, gate and up, q for the output, f for down. The
    gate, its activation and the up projection are saved too, and attention's queries, keys, values and a scale a head.
    """
    h, f, q, k = shape.hidden, shape.intermediate, shape.queries, shape.keys
    size = BYTES[dtype]
    inputs = 2 * h if dtype == "float32" else 5 * h  # without a cast, layers that share an input share its copy
    saved = 4 * FLOAT32 * h + size * (inputs + 4 * f + 2 * q + 2 * k) + FLOAT32 * (shape.heads + 2)
    if shape.normed_heads:
        saved += (size + FLOAT32) * (q + k) + FLOAT32 * (shape.heads + shape.key_heads)
    return saved * tokens


def activation_memory(shape: Shape, rows: int, tokens: int, dtype: str, checkpointing: bool) -> int:
    """What a forward pass over B × T tokens leaves for the backward pass.

    With gradient checkpointing (Chen et al., arXiv 1604.06174) that is each layer's input in float32.
    """
    if not checkpointing:
        return shape.layers * layer_memory(shape, rows * tokens, dtype)
    return (shape.layers + 1) * FLOAT32 * shape.hidden * rows * tokens


def backward_memory(shape: Shape, rows: int, tokens: int, dtype: str, checkpointing: bool) -> int:
    """What the backward pass of one layer holds beside that: two gradients as wide as the MLP, and what padding costs.

    Where sequences are padded, keys and values are repeated for every query head, and a mask goes with them. With
    checkpointing the layer is recomputed first.
    """
    size = BYTES[dtype]
    wide = size * 2 * (shape.intermediate + shape.queries - shape.keys) * rows * tokens
    anew = layer_memory(shape, rows * tokens, dtype) if checkpointing else 0
    return wide + (1 + size) * rows * tokens**2 + anew


def decoding_memory(shape: Shape, rows: int, prompt: int, completion: int, dtype: str) -> dict[str, int]:
    """What a batch of completions holds while they grow.

    The cache; what the pass over the prompts, at most one a row, takes beyond it before it is there: the widest tensors
    of a layer; and, to draw a token, the logits, two float32 and three float64 tensors of their size.
    """
    widths = 6 * shape.hidden + 2 * shape.queries + 2 * shape.keys + 3 * shape.intermediate
    cache = cache_memory(shape, rows, prompt + completion, dtype)
    prefill = widths * rows * prompt * BYTES[dtype] + cache_memory(shape, rows, prompt, dtype)
    return {
        "generation cache": cache,
        "prefill": max(0, prefill - cache),
        "next-token logits": rows * shape.vocabulary * (BYTES[dtype] + 2 * FLOAT32 + 3 * FLOAT64),
    }


def training_memory(shape: Shape, task: Task, options: Training, hardware: Hardware) -> list[Memory]:
    """What one process of a training holds while it samples, and in the two passes of an update.

    The rollouts of vLLM fit into what it takes, whatever the batch.

    Args:
        shape: the model's.
        task: lengths of prompts and completions.
        options: completions a step, and what is trained.
        hardware: precision, batches, engine, and among how many processes the training's state is shared.
    """
    prompt, completion = training_lengths(task)
    rows, dtype = hardware.generation_batch, hardware.dtype
    held = {
        **state_memory(shape, hardware, options.lora),
        "casts": cast_memory(shape.linear, hardware, options.lora),
        # Processes sample at their own pace, each with all of the weights.
        **_gathered(shape.parameters, hardware),
    }
    grown = decoding_memory(shape, rows, prompt, completion, dtype)
    sampling = Memory("training samples", held, grown, "hardware.generation_batch", rows)
    rollouts = options.prompts_per_step * options.completions_per_prompt // hardware.all_processes
    updates = update_memory(shape, prompt + completion, rollouts, hardware, options.lora)
    if hardware.vllm == "colocate":
        beside = _vllm_memory(options, hardware)
        return [replace(update, fixed={**update.fixed, "vLLM": beside}) for update in updates]
    return updates if hardware.vllm == "server" else [sampling, *updates]


def training_lengths(task: Task) -> tuple[int, int]:
    """Tokens of a prompt, and of the completion that may follow it."""
    prompt, completion = task.max_prompt_tokens or PROMPT_TOKENS, task.completion_tokens
    if task.context is None:
        return prompt, completion
    prompt = min(prompt, task.context - 1)
    return prompt, min(completion, task.context - prompt)


def _vllm_memory(options: Training, hardware: Hardware) -> int:
    """What a colocated vLLM keeps during an update: its share of the GPU, unless it sleeps."""
    if options.trl.get("vllm_enable_sleep_mode"):
        return 0
    return int(options.trl.get("vllm_gpu_memory_utilization", VLLM_SHARE) * (hardware.memory_gib or 0) * GIB)


def update_memory(
    shape: Shape, tokens: int, rollouts: int, hardware: Hardware, lora: Lora | None = None
) -> list[Memory]:
    """What the two passes of an update hold, forward and backward, where gradients of an earlier batch are there.

    Args:
        shape: the model's.
        tokens: T.
        rollouts: completions of a step in one process.
        hardware: precision and batches.
        lora: the adapter that is trained, or none.
    """
    rows, size = min(hardware.train_batch, rollouts), BYTES[hardware.dtype]
    checkpointing = hardware.gradient_checkpointing
    layer = (shape.linear - shape.head) // shape.layers
    held = {
        **state_memory(shape, hardware, lora),
        "gradients": gradient_memory(shape, hardware, lora),
        **_gathered(2 * (shape.head + layer), hardware),  # embedding, head, this layer and the next
    }
    saved = activation_memory(shape, rows, tokens, hardware.dtype, checkpointing)
    widest = (3 * size * shape.intermediate + FLOAT32 * shape.hidden) * rows * tokens
    learning = backward_memory(shape, rows, tokens, hardware.dtype, checkpointing)
    tile = size * HEAD_ENTRIES * (HEAD_TOKENS + shape.hidden)
    every, one = (cast_memory(layers * layer, hardware, lora) for layers in (shape.layers, 1))
    forward = {**held, "casts": every, "head": tile}
    backward = {
        **held,
        "casts": one if checkpointing else every,
        "head": tile + (FLOAT32 * shape.head if lora is None else 0),
    }
    return [
        Memory("training forward", forward, {"activations": saved + widest}, "hardware.train_batch", rows),
        Memory("training backward", backward, {"activations": saved + learning}, "hardware.train_batch", rows),
    ]


def _gathered(parameters: int, hardware: Hardware) -> dict[str, int]:
    """This many parameters, whole, where processes keep shards."""
    return {} if _shards(hardware) == 1 else {"gathered weights": BYTES[hardware.dtype] * parameters}


def evaluation_memory(shape: Shape, task: Task, hardware: Hardware) -> Memory:
    """What an evaluation holds: the policy, the start model that scores beside it, and a batch of completions."""
    prompt, size = task.max_prompt_tokens or PROMPT_TOKENS, BYTES[hardware.dtype]
    models = {"weights": size * shape.parameters, "reference": size * shape.parameters}
    if hardware.evaluation_engine == "paged":
        models["serving copy"] = size * shape.parameters
    if hardware.evaluation_engine == "vllm":
        share = hardware.evaluation_engine_options.get("gpu_memory_utilization", EVALUATION_VLLM_SHARE)
        models["vLLM"] = int(share * (hardware.memory_gib or 0) * GIB)
    rows = hardware.generation_batch
    batch = decoding_memory(shape, rows, prompt, task.evaluated_tokens, hardware.dtype)
    return Memory("evaluation", models, batch, "hardware.generation_batch", rows)


def shortage(memory: Memory, limit_gib: float) -> str | None:
    """Why it does not fit, naming the largest part and what to change; nothing where it fits."""
    if memory.total <= limit_gib * GIB:
        return None
    name, size = max(memory.parts.items(), key=lambda part: part[1])
    fits = memory.largest_batch(limit_gib * GIB)
    remedy = (
        f"{memory.batch_key} = {memory.batch} is too large, {fits} would fit"
        if fits
        else f"no {memory.batch_key} fits: share the model among more GPUs (--env=multi_gpu), or train an adapter "
        "(training.lora)"
    )
    return (
        f"{memory.phase} needs {memory.total / GIB:.1f} GiB of a GPU, and hardware.memory_gib = {limit_gib:g}; "
        f"the largest part is {name}, {size / GIB:.1f} GiB; {remedy}"
    )
