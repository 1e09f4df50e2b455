"""A start model from a GGUF file: dequantised once, then a policy folder like any other."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, set_seed

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models import start_model
from beyond_sharpening.models.start_model import fetch_policy
from beyond_sharpening.parameters import HubBase

needs_gguf = pytest.mark.skipif(importlib.util.find_spec("gguf") is None, reason="the package gguf is not installed")
TEMPLATE = "{{ messages[0]['content'] }}"
WORDS = ["<s>", "</s>", *"0123456789+-=", "01", *(f"w{number}" for number in range(48))]


def small_llama() -> LlamaForCausalLM:
    set_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(**shape, num_key_value_heads=2, vocab_size=len(WORDS), tie_word_embeddings=True)
    return LlamaForCausalLM(config).eval()


def write_gguf(model: LlamaForCausalLM, file: Path) -> None:
    """As llama.cpp's converter writes a Llama: rotary halves interleaved, matrices quantised to eight bits."""
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    config = model.config
    writer = GGUFWriter(file, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_merges(["0 1"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}

    def put(name: str, weight: torch.Tensor) -> None:
        values = weight.detach().numpy().astype(np.float32)
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quants.quantize(values, kind), raw_dtype=kind)

    put("token_embd.weight", model.model.embed_tokens.weight)
    put("output_norm.weight", model.model.norm.weight)
    for place, layer in enumerate(model.model.layers):
        for ours, theirs in names.items():
            weight = layer.get_submodule(ours).weight
            if theirs in heads:
                halves = weight.reshape(heads[theirs], 2, -1, weight.shape[1])
                weight = halves.swapaxes(1, 2).reshape(weight.shape)
            put(f"blk.{place}.{theirs}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def base(folder: Path, **changes: object) -> HubBase:
    block = {"type": "hub", "path": str(folder), "gguf": "model.gguf", "dtype": "float32", "chat_template": TEMPLATE}
    return HubBase.model_validate({**block, "pad_token": "</s>", **changes})


@needs_gguf
def test_it_is_the_model_it_was_made_of_to_eight_bits_and_loads_like_any_other(tmp_path):
    original = small_llama()
    write_gguf(original, tmp_path / "model.gguf")
    policy = fetch_policy(base(tmp_path), tmp_path / "policy")
    ids = torch.tensor([[2, 5, 12, 7, 14]])
    with torch.no_grad():
        expected, found = original(ids).logits, policy.model()(ids).logits
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()
    assert not list((tmp_path / "policy").glob("*.gguf"))
    assert policy.tokenizer().pad_token == "</s>"


@needs_gguf
def test_a_file_that_is_not_there_is_named_with_those_that_are(tmp_path):
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadInput, match=r"base.gguf = 'model.gguf': there is no such file .*; there: other.gguf"):
        fetch_policy(base(tmp_path), tmp_path / "policy")


@needs_gguf
@pytest.mark.parametrize("size", [0, 30, 700, 20_000], ids=["empty", "in the header", "in the keys", "in the weights"])
def test_a_file_that_is_cut_off_or_is_none_is_named_with_the_remedy(size, tmp_path):
    write_gguf(small_llama(), tmp_path / "whole.gguf")
    (tmp_path / "model.gguf").write_bytes((tmp_path / "whole.gguf").read_bytes()[:size])
    with pytest.raises(BadInput, match=r"base.gguf = 'model.gguf' in .* cannot be read .*cut off .*download it again"):
        fetch_policy(base(tmp_path), tmp_path / "policy")


def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(start_model, "find_spec", lambda package: None)
    with pytest.raises(BadInput, match=r"needs the package gguf: pip install -e '.\[gguf\]'"):
        fetch_policy(base(tmp_path), tmp_path / "policy")
