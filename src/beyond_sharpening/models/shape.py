"""The shape of a model of the Llama kind, as far as its memory and its operations depend on it; no weights are made.

RMS norms, rotary and grouped-query attention, gated MLP. h and f are the hidden and intermediate width, q and k the
width of all queries and of all keys, V the vocabulary, L the layers, P the parameters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beyond_sharpening.errors import BadInput

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from beyond_sharpening.parameters import Lora


def linear_layers(config: PretrainedConfig) -> list[str]:
    """Names of the linear layers of the model that a configuration describes; not the head, whose
    weight the trainer's loss takes past any adapter."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    model = _without_weights(config)
    head = model.get_output_embeddings()
    modules = [(name, module) for name, module in model.named_modules() if module is not head]
    return sorted({name.rpartition(".")[2] for name, module in modules if isinstance(module, Linear | Conv1D)})


def check_targets(lora: Lora, config: PretrainedConfig, key: str) -> None:
    """Raise a BadInput for an adapter on an embedding whose weight is the head's as well.

    In training it changes the embedding alone; merged into the weight they share, it changes the head too, and the
    policy that is kept is not the one that was trained.
    """
    if lora.targets == "all-linear" or not getattr(config.get_text_config(), "tie_word_embeddings", False):
        return
    model = _without_weights(config)
    embedding = model.get_input_embeddings()
    name = next(name.rpartition(".")[2] for name, module in model.named_modules() if module is embedding)
    if name in (target.rpartition(".")[2] for target in lora.targets):
        raise BadInput(
            f"{key}: {name!r} is the embedding, whose weight is the head's as well in this start model: merged, its "
            "adapter would change the head too, and the policy kept would not be the one trained; name linear layers, "
            "or all-linear"
        )


def _without_weights(config: PretrainedConfig) -> PreTrainedModel:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


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

        model = _without_weights(config)
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

    @property
    def head(self) -> int:
        """Entries of the head's matrix, V·h."""
        return self.vocabulary * self.hidden

    def training_flops(self, prompt: int, completion: int, completions: int = 1) -> int:
        """Floating-point operations that the gradient of this many completions of one prompt needs.

        Six a token and entry of a matrix (Kaplan et al., arXiv 2001.08361, section 2.1): two forward, four backward.
        The head meets completion tokens alone; an embedding is looked up and costs nothing. Attention takes 4·q·L
        forward, and three times that in all, for each pair of tokens of which one sees the other. What is
        recomputed (checkpoints, logits, the prompt for each of its completions) is not needed, and not counted.
        """
        matrices = (self.linear - self.head) * prompt + self.linear * completions * completion
        pairs = prompt * (prompt + 1) // 2 + completions * (completion * prompt + completion * (completion + 1) // 2)
        return 6 * matrices + 12 * self.queries * self.layers * pairs
