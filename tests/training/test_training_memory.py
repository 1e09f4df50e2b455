"""Log-probabilities of a large vocabulary are computed in parts: what a naive pass would hold is never there."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer.utils import add_fused_lm_head

VOCABULARY, TOKENS, TILE = 151_936, 256, 32_768


class LargestTensor(TorchDispatchMode):
    """Keeps the number of elements of the largest tensor that an operation makes."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.elements = max([self.elements, *made])
        return result


def model() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=TOKENS,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(config)


def largest(compute) -> tuple[int, torch.Tensor]:
    """The largest tensor of a forward and backward pass, and the log-probabilities."""
    with LargestTensor() as seen:
        logp = compute()
        logp.sum().backward()
    return seen.elements, logp.detach()


def test_the_trainers_pass_makes_no_logits_of_the_whole_sequence():
    """The pass is TRL's, patched into the policy and the reference alike; the naive one is transformers' own."""
    policy, ids = model(), torch.randint(VOCABULARY, (1, TOKENS), generator=torch.Generator().manual_seed(0))

    def naive():
        logits = policy(ids).logits[:, :-1].float()
        return logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]

    naively, expected = largest(naive)
    assert naively >= (TOKENS - 1) * VOCABULARY
    add_fused_lm_head(policy, outputs=("log_probs", "entropy"))
    in_parts, logp = largest(lambda: policy(ids, labels=ids, fused_lm_head=True).log_probs)
    torch.testing.assert_close(logp, expected, atol=1e-4, rtol=1e-5)
    assert in_parts <= max(TOKENS * TILE, policy.lm_head.weight.numel())
