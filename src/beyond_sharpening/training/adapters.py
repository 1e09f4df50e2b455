"""Low-rank adapters (LoRA, Hu et al., arXiv 2106.09685) through peft."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.storage import written_whole

if TYPE_CHECKING:
    from peft import LoraConfig

    from beyond_sharpening.parameters import Lora


def adapter_config(lora: Lora) -> LoraConfig:
    """The adapter as peft describes it; no dropout, so that the policy that samples is the one that is trained."""
    from peft import LoraConfig

    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    return LoraConfig(
        r=lora.rank, lora_alpha=lora.scale, lora_dropout=0.0, target_modules=targets, task_type="CAUSAL_LM"
    )


def merge_adapter(base: Policy, folder: Path) -> None:
    """Turn a folder that holds an adapter into a policy folder that loads without it; others are left alone."""
    if not (folder / "adapter_config.json").is_file():
        return
    from peft import PeftModel

    merged = PeftModel.from_pretrained(base.model(), folder).merge_and_unload()
    with written_whole(folder) as beside:
        save_policy(merged, base.tokenizer(), beside)
