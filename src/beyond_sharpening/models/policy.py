"""A policy on disk: a ``save_pretrained`` folder with its tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening.errors import BadInput, Damaged

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Policy:
    """A handle on a saved policy; nothing is loaded until it is asked for.

    ``AutoModelForCausalLM.from_pretrained(policy.path)`` loads it too: the folder is the format.
    """

    path: Path

    def model(self, device: str = "cpu", dtype: str = "float32", attention: str = "sdpa") -> PreTrainedModel:
        """Load the weights, in evaluation mode; ``attention`` names transformers' implementation of it.

        Raises:
            FileNotFoundError: if the folder holds no model.
        """
        from transformers import AutoModelForCausalLM

        if not (self.path / "config.json").is_file():
            raise FileNotFoundError(f"{self.path} holds no saved model (config.json is missing)")
        with without_bars():
            model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
                self.path, dtype=dtype, attn_implementation=attention, use_safetensors=True
            )
        return model.to(device).eval()  # type: ignore[arg-type]

    def config(self) -> PretrainedConfig:
        """Load the model's configuration."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.path)

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Load the tokenizer, padding on the left as generation needs."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.path, padding_side="left")


def check_files(folder: Path) -> None:
    """Make sure that what a saved policy is made of can be read, and its weights are there, as long as they say.

    Raises:
        Damaged: if not; the message names the file.
    """
    from safetensors import SafetensorError, safe_open

    index = folder / "model.safetensors.index.json"
    file = index
    try:
        for file in sorted(folder.glob("*.json")):
            json.loads(file.read_text(encoding="utf-8"))
        file = index
        named = set(json.loads(index.read_text())["weight_map"].values()) if index.is_file() else set()
        for file in [folder / name for name in sorted(named or {"model.safetensors"})]:
            with safe_open(file, "np"):
                pass
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise Damaged(
            f"{file} is missing, cut short or changed ({error}). Bring it back from a copy, or remove {folder}, and "
            "the same command makes it anew"
        ) from error


def save_policy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Policy:
    """Write the model and its tokenizer as a ``save_pretrained`` folder."""
    with without_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Policy(folder)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for every file of weights; downloads still show theirs."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def eos_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Every token that ends a completion: the model's own and the tokenizer's.

    Raises:
        BadInput: if there is none, since completions could then never end.
    """
    declared = model.generation_config.eos_token_id if model.generation_config else None
    ids = [] if declared is None else [declared] if isinstance(declared, int) else list(declared)
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in ids:
        ids.insert(0, tokenizer.eos_token_id)
    if not ids:
        raise BadInput(
            f"{model.config.name_or_path or type(model).__name__} declares no EOS token in its generation config "
            "or tokenizer: a completion could never end; set base.eos_token_ids"
        )
    return ids
