"""What a run needs before it has run: GPU memory by part, and steps and tokens of a training.

Counted from the shape of a model of the Llama kind (RMS norms, rotary and grouped-query attention, gated MLP) and
from how training and decoding here hold it: float32 weights that autocast turns to bfloat16, AdamW, a frozen reference,
one policy update a batch. B is the completions of a batch, T the tokens of a prompt with its completion, P the
parameters, h and f the hidden and intermediate width, q and k the width of all queries and of all keys, V the
vocabulary, L the layers. Buffers (rotary frequencies, masks) and what the GPU's own runtime and its allocator take are
left out: ``hardware.memory_gib`` is what is left for the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beyond_sharpening.parameters import Hardware, Lora, Task, Training

if TYPE_CHECKING:
    from transformers import PretrainedConfig

GIB = 2**30
FLOAT32, FLOAT64 = 4, 8
BYTES = {"float32": 4, "bfloat16": 2}

# TRL's fused head projects so many tokens onto so many entries at a time (trl.kernels.chunked_logprob).
HEAD_TOKENS, HEAD_ENTRIES = 4096, 32768
# Stands in where task.max_prompt_tokens is not given.
PROMPT_TOKENS = 512


@dataclass(frozen=True)
class Shape:
    """What memory depends on in a model.

    Attributes:
        parameters: P, tied ones once.
        tensors: how many tensors they are.
        linear: entries of the matrices of linear layers, the head included: what autocast casts.
        widths: inputs and outputs of the linear layers of each name, together: a rank-1 adapter's parameters.
        layers: L.
        hidden: h.
        intermediate: f.
        heads: attention heads.
        key_heads: key–value heads.
        head_dim: width of one head.
        vocabulary: V.
        normed_heads: queries and keys have norms of their own (Qwen3).
    """

    parameters: int
    tensors: int
    linear: int
    widths: Mapping[str, int]
    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_heads: int
    head_dim: int
    vocabulary: int
    normed_heads: bool

    @classmethod
    def of(cls, config: PretrainedConfig) -> Shape:
        """The shape of the model that a configuration describes; no weights are made."""
        import torch
        from transformers import AutoModelForCausalLM

        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        text = config.get_text_config()
        modules = [(name.rpartition(".")[2], module) for name, module in model.named_modules()]
        linear = [(name, module) for name, module in modules if isinstance(module, torch.nn.Linear)]
        widths: Counter[str] = Counter()
        for name, module in linear:
            widths[name] += module.in_features + module.out_features
        return cls(
            parameters=model.num_parameters(),
            tensors=len(list(model.parameters())),
            linear=sum(module.weight.numel() for _, module in linear),
            widths=widths,
            layers=text.num_hidden_layers,
            hidden=text.hidden_size,
            intermediate=text.intermediate_size,
            heads=text.num_attention_heads,
            key_heads=text.num_key_value_heads,
            head_dim=getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads,
            vocabulary=text.vocab_size,
            normed_heads={"q_norm", "k_norm"} <= {name for name, _ in modules},
        )

    def trainable(self, lora: Lora | None) -> int:
        """Parameters that change: all of them, or an adapter's r·(inputs + outputs) of each of its layers."""
        if lora is None:
            return self.parameters
        targets = self.widths.keys() - {"lm_head"} if lora.targets == "all-linear" else lora.targets
        return lora.rank * sum(self.widths[name] for name in targets)

    @property
    def queries(self) -> int:
        """q."""
        return self.heads * self.head_dim

    @property
    def keys(self) -> int:
        """k."""
        return self.key_heads * self.head_dim


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
    """What one process of a training holds all the time but gradients.

    Weights that learn are float32, and AdamW keeps two moments of each of them and a step count of each tensor
    (Loshchilov & Hutter, arXiv 1711.05101; ``torch.optim.AdamW``), 4 bytes each. The reference has the dtype of the
    hardware; below an adapter it is the weights themselves, which have that dtype too. Autocast keeps one cast copy of
    each matrix until its block ends, where shards are gathered in its precision already. Shards are of weights and
    optimiser; the reference is whole on every process, but for ZeRO-3.
    """
    size, shards = BYTES[hardware.dtype], _shards(hardware)
    learns, trainable = lora is None or hardware.engine.startswith("vllm"), shape.trainable(lora)
    state = {
        "weights": ((FLOAT32 if learns else size) * shape.parameters + (FLOAT32 * trainable if lora else 0)) // shards,
        "optimiser": (2 * FLOAT32 * trainable + FLOAT32 * shape.tensors) // shards,
        "casts": shape.linear * size if hardware.dtype != "float32" and learns and shards == 1 else 0,
    }
    if lora is None:
        state["reference"] = size * shape.parameters // (shards if hardware.sharding == "zero3" else 1)
    if hardware.engine == "paged":
        state["serving copy"] = size * shape.parameters
    return state


def _shards(hardware: Hardware) -> int:
    return 1 if hardware.sharding == "none" else hardware.all_processes


def gradient_memory(shape: Shape, hardware: Hardware, lora: Lora | None = None) -> int:
    """One float32 number a trainable parameter."""
    return FLOAT32 * shape.trainable(lora) // _shards(hardware)


def cache_memory(shape: Shape, rows: int, tokens: int, dtype: str) -> int:
    """Keys and values of every layer, head and token."""
    return 2 * shape.layers * shape.keys * rows * tokens * BYTES[dtype]


def layer_memory(shape: Shape, tokens: int, dtype: str) -> int:
    """What one layer saves for its backward pass, with attention that never writes its T × T weights.

    In the manner of Korthikanti et al. (arXiv 2205.05198), section 4.1, for a gated MLP, RMS norms and float32 weights.
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
    """What is saved between a forward and a backward pass over B × T tokens.

    With gradient checkpointing (Chen et al., arXiv 1604.06174) that is each layer's input in float32, and one layer's
    own activations with their gradients while it is computed anew.
    """
    one = layer_memory(shape, rows * tokens, dtype)
    if not checkpointing:
        return shape.layers * one
    return shape.layers * FLOAT32 * shape.hidden * rows * tokens + 2 * one


def head_memory(shape: Shape, rows: int, tokens: int, dtype: str) -> tuple[int, int]:
    """Of the fused head: what no batch changes (one tile, the head's gradient), and the gradient of its input."""
    tile = HEAD_TOKENS * HEAD_ENTRIES * BYTES[dtype]
    return tile + FLOAT32 * shape.vocabulary * shape.hidden, FLOAT32 * shape.hidden * rows * tokens


def decoding_memory(shape: Shape, rows: int, prompt: int, completion: int, dtype: str) -> dict[str, int]:
    """Of a batch of completions while they grow.

    The cache; the widest tensors of a layer in the pass over the prompts, at most one a row; and, to draw a token, the
    logits, two float32 and three float64 tensors of their size.
    """
    widths = 6 * shape.hidden + 2 * shape.queries + 2 * shape.keys + 3 * shape.intermediate
    return {
        "generation cache": cache_memory(shape, rows, prompt + completion, dtype),
        "prefill": widths * rows * prompt * BYTES[dtype],
        "next-token logits": rows * shape.vocabulary * (BYTES[dtype] + 2 * FLOAT32 + 3 * FLOAT64),
    }


def training_memory(shape: Shape, task: Task, options: Training, hardware: Hardware) -> list[Memory]:
    """What one process of a training holds while it samples, and while it updates.

    Args:
        shape: the model's.
        task: lengths of prompts and completions.
        options: completions a step, and what is trained.
        hardware: precision, batches, engine, and among how many processes the training's state is shared.
    """
    prompt, completion = task.max_prompt_tokens or PROMPT_TOKENS, task.max_completion_tokens
    dtype = hardware.dtype
    state = state_memory(shape, hardware, options.lora)
    rollouts = options.prompts_per_step * options.completions_per_prompt // hardware.all_processes
    rows, update = hardware.generation_batch, min(hardware.train_batch, rollouts)
    sampled = decoding_memory(shape, rows, prompt, completion, dtype)
    head, head_input = head_memory(shape, update, prompt + completion, dtype)
    activations = activation_memory(shape, update, prompt + completion, dtype, hardware.gradient_checkpointing)
    gradients = gradient_memory(shape, hardware, options.lora)
    # Processes sample at their own pace, each with all of the weights.
    gathered = {} if _shards(hardware) == 1 else {"gathered weights": BYTES[dtype] * shape.parameters}
    return [
        Memory("training samples", {**state, **gathered}, sampled, "hardware.generation_batch", rows),
        Memory(
            "training updates",
            {**state, "gradients": gradients, "head": head},
            {"activations": activations, "head's input": head_input},
            "hardware.train_batch",
            update,
        ),
    ]


def evaluation_memory(shape: Shape, task: Task, hardware: Hardware) -> Memory:
    """What an evaluation holds: the policy, the start model that scores beside it, and a batch of completions."""
    prompt, size = task.max_prompt_tokens or PROMPT_TOKENS, BYTES[hardware.dtype]
    models = {"weights": size * shape.parameters, "reference": size * shape.parameters}
    rows = hardware.generation_batch
    batch = decoding_memory(shape, rows, prompt, task.max_completion_tokens, hardware.dtype)
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
