"""Policies small enough to enumerate, and the exact log-probability of each of their completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import GPT2LMHeadModel, PreTrainedModel

    from beyond_sharpening.exact.completions import Completions


def log_probabilities(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Completions,
    *,
    temperature: float = 1.0,
    differentiable: bool = False,
    batch_size: int = 4096,
) -> torch.Tensor:
    """log π(y|x) of every completion y for every prompt x, (X, Y), float64, on the CPU.

    The prefix tree is walked level by level: each unfinished prefix is one row of a batched forward pass,
    and its next-token log-probabilities extend it by every token. Dropout is off; each row of exp(result)
    sums to one whatever the model's own precision. A float64 model makes the values exact to the precision
    of its layers.

    Args:
        model: any causal language model whose vocabulary is that of ``completions``.
        prompts: token ids, at least one each.
        completions: the space to score.
        temperature: divides the logits of every token.
        differentiable: keep the graph, so that gradients flow to the model (small spaces only).
        batch_size: prefixes a forward pass.

    Raises:
        ValueError: for an empty prompt, a temperature that is not positive, a vocabulary that differs,
            or a policy whose next-token distribution is NaN or has no mass; it names policy and prefix.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive; got {temperature}")
    was_training = model.training
    model.eval()
    try:
        with torch.set_grad_enabled(differentiable):
            rows = [_walk(model, prompt, completions, temperature, batch_size) for prompt in prompts]
    finally:
        model.train(was_training)
    return torch.stack(rows)


def _walk(
    model: PreTrainedModel, prompt: Sequence[int], completions: Completions, temperature: float, batch_size: int
) -> torch.Tensor:
    """log π of every completion of one prompt, (Y,)."""
    if len(prompt) == 0:
        raise ValueError("a prompt needs at least one token, such as BOS; got an empty one")
    unfinished = torch.zeros(1, dtype=torch.float64)
    levels = []
    for depth in range(completions.max_length):
        batches = completions.prefixes(depth).split(batch_size)
        logits = torch.cat([_next_logits(model, prompt, batch) for batch in batches])
        if logits.shape[1] != completions.vocabulary:
            raise ValueError(f"the model has {logits.shape[1]} tokens, the completions {completions.vocabulary}")
        conditional = (logits / temperature).log_softmax(dim=1)
        _check_mass(conditional, model, prompt, completions.prefixes(depth))
        extended = unfinished[:, None] + conditional
        levels.append(extended[:, list(completions.eos_ids)].flatten())
        unfinished = extended[:, list(completions.other_ids)].flatten()
    return torch.cat([*levels, unfinished])


def _next_logits(model: PreTrainedModel, prompt: Sequence[int], prefixes: torch.Tensor) -> torch.Tensor:
    """Next-token logits (B, V) after the prompt and each of B prefixes."""
    rows = torch.cat([torch.tensor([list(prompt)]).expand(len(prefixes), -1), prefixes], dim=1)
    logits = model(input_ids=rows.to(model.device), use_cache=False, logits_to_keep=1).logits
    return logits[:, -1].cpu().double()


def _check_mass(
    conditional: torch.Tensor, model: PreTrainedModel, prompt: Sequence[int], prefixes: torch.Tensor
) -> None:
    broken = conditional.isnan().any(dim=1)
    if broken.any():
        name = model.name_or_path or type(model).__name__
        prefix = prefixes[int(broken.nonzero()[0])].tolist()
        raise ValueError(
            f"policy {name!r} has NaN or no mass for the token after prompt {list(prompt)} and completion {prefix}; "
            "its weights or logits are not finite"
        )


def markov_log_probabilities(
    completions: Completions, start: torch.Tensor, transition: torch.Tensor | None = None
) -> torch.Tensor:
    """log π(y), (Y,), of a first-order Markov chain over tokens, for examples that can be worked by hand.

    Args:
        completions: the space to score.
        start: probabilities of the first token, (V,).
        transition: probabilities of the next token given the last, (V, V); without it tokens are independent.
    """
    log_start = start.double().log()
    log_transition = log_start.expand(len(start), -1) if transition is None else transition.double().log()
    tokens = completions.tokens.long()
    scores = log_start[tokens[:, 0]]
    for position in range(1, completions.max_length):
        step = log_transition[tokens[:, position - 1].clamp(min=0), tokens[:, position].clamp(min=0)]
        scores = scores + torch.where(position < completions.lengths, step, 0.0)
    return scores


def random_policy(seed: int, vocabulary: int, spread: float = 0.5, hidden_size: int = 8) -> GPT2LMHeadModel:
    """A one-layer GPT-2 with random weights in float64; a larger spread makes it more decided.

    GPT-2, because its layers keep float64: Llama's RMSNorm computes in float32 whatever the model's type,
    and its rounding drowns finite differences.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=64,
        n_embd=hidden_size,
        n_layer=1,
        n_head=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        initializer_range=spread,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config).double().eval()
