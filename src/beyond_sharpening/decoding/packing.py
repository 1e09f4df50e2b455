"""Completions in one row: no padding, and a prompt that several completions share is computed once.

    prefix of prompt 1 | prefix of prompt 2 | … | completion 1 | completion 2 | …

A prefix is a prompt without its last token. That token begins each of the prompt's completions instead, which leave out
their own last token: so every token behind the prefixes predicts one token of a completion, and none is computed for
nothing. Positions go on from the prefix. All that a model does but attention, it does token by token; attention is
unfolded into rows (``PackedAttention``), in which a completion sees its own prefix and its own past. That is a function
registered with transformers, so that layers, checkpoints, adapters and shards of the model are as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.modeling_outputs import BaseModelOutputWithPast

IMPLEMENTATION = "sdpa_packed"


class Packing:
    """N completions of G different prompts in one row of T tokens.

    Args:
        prompts: token ids of the prompt of each completion; equal ones are computed once.
        completions: token ids of each completion, at least one.
        device: where the model is.

    Attributes:
        ids, positions: of the row, (1, T).
        targets: the tokens of all completions, (1, S), which the last S tokens of the row predict.
        lengths: tokens of each completion, (N,).
        attention: who sees whom.
    """

    def __init__(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], device: torch.device | str
    ) -> None:
        places = {prompt: place for place, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
        owners = [places[tuple(prompt)] for prompt in prompts]
        prefixes = [prompt[:-1] for prompt in places]
        branches = [[prompt[-1], *text][: len(text)] for prompt, text in zip(prompts, completions, strict=True)]
        begins = [0] * len(prefixes) + [len(prompt) - 1 for prompt in prompts]
        rows = [*prefixes, *branches]
        places_of = [torch.arange(begin, begin + len(row)) for begin, row in zip(begins, rows, strict=True)]
        self.ids = torch.tensor([token for row in rows for token in row], device=device)[None]
        self.positions = torch.cat(places_of)[None].to(device)
        self.targets = torch.tensor([token for row in completions for token in row], device=device)[None]
        self.lengths = torch.tensor([len(row) for row in completions], device=device)
        self.attention = PackedAttention(
            torch.tensor([len(row) for row in prefixes]),
            torch.tensor([len(row) for row in branches]),
            torch.tensor(owners),
            torch.device(device),
        )

    def inputs(self) -> dict[str, Any]:
        """What a model is called with that ``takes_packed_rows``; it gives outputs for the last S tokens alone."""
        return {
            "input_ids": self.ids,
            "position_ids": self.positions,
            # Four dimensions: transformers takes it for a mask that is ready, and makes none of T × T.
            "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.ids.device),
            "packed": self.attention,
            "use_cache": False,
        }


class PackedAttention:
    """Attention over a packed row, unfolded into rows of prefixes, and rows of completions behind their prefixes.

    Completions stand together with those that are less than twice as long: a row is as long as its longest neighbour.

    Args:
        prefixes: lengths of the prefixes, (G,).
        branches: lengths of the completions, (N,).
        owners: the prefix of each completion, (N,).
        device: where the model is.
    """

    def __init__(
        self, prefixes: torch.Tensor, branches: torch.Tensor, owners: torch.Tensor, device: torch.device
    ) -> None:
        starts = torch.cat([prefixes, branches]).cumsum(0) - torch.cat([prefixes, branches])
        groups, self.first, tokens = len(prefixes), int(prefixes.sum()), int(prefixes.sum() + branches.sum())
        halvings = (branches.max() / branches.clamp(min=1)).log2().floor()
        self.prefix = _Unfolding(starts[:groups], prefixes)
        self.branches = []
        for halving in halvings.unique():
            part = (halvings == halving).nonzero()[:, 0]
            self.branches.append(_Unfolding(starts[groups:][part], branches[part], owners[part], prefixes))
        self.back = torch.empty(tokens, dtype=torch.long)
        behind = 0
        for rows in (self.prefix, *self.branches):
            self.back[rows.index[rows.real]] = behind + rows.real
            behind += len(rows.index)
            rows.to(device)
        self.back = self.back.to(device)
        self._masks: dict[int | None, tuple[torch.Tensor | None, list[torch.Tensor]]] = {}

    def masks(self, window: int | None) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """Who sees whom among prefixes, (1, 1, P, P) or none where it is causality alone; and what completions see of
        prefix and past, (N, 1, C, P + C) of each part; a token sees ``window`` tokens, itself among them."""
        if window not in self._masks:
            columns = torch.arange(self.prefix.columns, device=self.back.device)
            among = _within(columns[:, None] - columns, window) if window and window < len(columns) else None
            branches = [branch.mask(columns, window) for branch in self.branches]
            self._masks[window] = None if among is None else among[None, None], branches
        return self._masks[window]

    def __call__(
        self,
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        window: int | None,
        **options: Any,
    ) -> torch.Tensor:
        """Outputs (1, T, heads, D) of queries, keys and values (1, heads, T, D)."""
        among, masks = self.masks(window)
        tokens = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
        queries, keys, values = (self.prefix(tensor) for tensor in tokens)
        outputs = []
        if self.prefix.columns:
            outputs.append(sdpa_attention_forward(module, queries, keys, values, among, **options)[0])
        for branch, mask in zip(self.branches, masks, strict=True):
            own = [branch(tensor) for tensor in tokens]
            seen = [torch.cat([shared.index_select(0, branch.owners), past], dim=2)
                    for shared, past in ((keys, own[1]), (values, own[2]))]  # fmt: skip
            outputs.append(sdpa_attention_forward(module, own[0], seen[0], seen[1], mask, **options)[0])
        return torch.cat([rows.flatten(0, 1) for rows in outputs]).index_select(0, self.back)[None]


class _Unfolding:
    """Stretches of a packed row as R rows of L columns, the shorter ones filled up on the right.

    Args:
        starts, lengths: of the stretches, (R,).
        owners: of completions, their prefixes, (R,).
        prefixes: lengths of all prefixes, (G,).
    """

    def __init__(
        self,
        starts: torch.Tensor,
        lengths: torch.Tensor,
        owners: torch.Tensor | None = None,
        prefixes: torch.Tensor | None = None,
    ) -> None:
        self.rows, self.columns = len(lengths), int(lengths.max())
        columns = torch.arange(self.columns)
        self.index = (starts[:, None] + columns.minimum((lengths[:, None] - 1).clamp(min=0))).flatten()
        self.real = (columns < lengths[:, None]).flatten().nonzero()[:, 0]  # those of the R · L that fill nothing up
        if owners is not None and prefixes is not None:
            self.owners, self.begins = owners, prefixes[owners]

    def to(self, device: torch.device) -> None:
        """Move all of it."""
        for name, value in vars(self).items():
            if isinstance(value, torch.Tensor):
                setattr(self, name, value.to(device))

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """From (T, heads, D) to (R, heads, L, D)."""
        rows = tokens.index_select(0, self.index)
        return rows.view(self.rows, self.columns, *tokens.shape[1:]).transpose(1, 2)

    def mask(self, prefix: torch.Tensor, window: int | None) -> torch.Tensor:
        """What completions see of prefixes with the columns ``prefix``, (P,), and of their past: (R, 1, L, P + L)."""
        own = torch.arange(self.columns, device=prefix.device)
        begins = self.begins[:, None, None]
        of_prefix = _within(begins + own[:, None] - prefix, window) & (prefix < begins)
        of_past = _within(own[:, None] - own, window).expand(self.rows, -1, -1)
        return torch.cat([of_prefix, of_past], dim=-1)[:, None]


def _within(earlier: torch.Tensor, window: int | None) -> torch.Tensor:
    """Whether a token sees those that come so many places before it."""
    return (earlier >= 0) if window is None else (earlier >= 0) & (earlier < window)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    packed: PackedAttention | None = None,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """That of a packed row, where the model was given one, and sdpa otherwise."""
    if packed is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    if attention_mask is None or attention_mask.numel() != 1:
        raise TypeError(f"{type(module).__name__} makes masks of its own: packed rows are not for it")
    return packed(module, query, key, value, sliding_window, **options), None


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)


def takes_packed_rows(model: PreTrainedModel) -> bool:
    """Make a model take packed rows if that is exact for it, and say whether it is.

    It is where attention is all that tokens know of one another, goes through transformers' interface, and is full or
    sees a window. What a configuration does not tell is tried: a model with positions of its own (OPT) says something
    else of a packed row. Attention must be ``sdpa``.
    """
    if model.config._attn_implementation == IMPLEMENTATION:
        return True
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or [])
    if not (
        model.config._attn_implementation == "sdpa"
        and model._supports_attention_backend
        and not model._is_stateful
        and kinds <= {"full_attention", "sliding_attention"}
    ):
        return False
    model.set_attn_implementation(IMPLEMENTATION)
    hook = model.base_model.register_forward_hook(_only_completions, with_kwargs=True)
    if not _says_the_same(model):
        hook.remove()
        model.set_attn_implementation("sdpa")
        return False
    return True


@torch.no_grad()
def _says_the_same(model: PreTrainedModel) -> bool:
    """Whether a few tokens have the same log-probabilities in a packed row and in rows of their own."""
    tokens = torch.randint(
        model.config.get_text_config().vocab_size, (5, 6), generator=torch.Generator().manual_seed(0)
    )
    prompts, completions = tokens[[0, 0, 1], :3].tolist(), tokens[2:].tolist()
    training = model.training
    try:
        packing = Packing(prompts, completions, model.device)
        packed = model.eval()(**packing.inputs()).logits[0]
        rows = torch.tensor([[*prompt, *row] for prompt, row in zip(prompts, completions, strict=True)])
        plain = model(rows.to(model.device)).logits[:, 2:-1].flatten(0, 1)
    except Exception:  # whatever an architecture does not like, packed rows are not for it
        return False
    finally:
        model.train(training)
    near = 1e-3 if packed.dtype.itemsize > 2 else 0.2
    return packed.shape == plain.shape and torch.allclose(
        packed.float().log_softmax(-1), plain.float().log_softmax(-1), rtol=near, atol=near
    )


def _only_completions(
    backbone: torch.nn.Module, args: Any, kwargs: dict[str, Any], output: BaseModelOutputWithPast
) -> BaseModelOutputWithPast:
    """Leave out what a model says of prefixes: its head would cost more than the rest of them."""
    packed = kwargs.get("packed")
    if packed is not None:
        output.last_hidden_state = cast(torch.Tensor, output.last_hidden_state)[:, packed.first :]
    return output


def sums_of(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Sums over each of N completions, (N,), of the values of their S tokens, (S,), one completion after the other."""
    owners = torch.arange(len(lengths), device=values.device).repeat_interleave(lengths, output_size=len(values))
    return values.new_zeros(len(lengths)).index_add(0, owners, values)
