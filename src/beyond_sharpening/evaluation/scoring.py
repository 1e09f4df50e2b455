"""Samples that another system drew, scored under the models that drew them: in parts that are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.decoding import score
from beyond_sharpening.errors import BadInput
from beyond_sharpening.evaluation.parts import fingerprint
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.readers.base_scores import KEY

if TYPE_CHECKING:
    from beyond_sharpening.evaluation.retokenised import Retokeniser
    from beyond_sharpening.parameters import Hardware

BATCHES = 16
"""A part holds the completions of so many batches: few enough to lose."""


class Scored(NamedTuple):
    """Samples with log-probabilities.

    Attributes:
        samples: as they were read, with ``logp_base``, and ``logp_policy`` of the base and of the policies whose
            models are there.
        base_scores: the base's completions scored under these policies (``contract.CROSS_SCORE_KEY``, less the
            ``model``).
        notes: what was found, a sentence each.
    """

    samples: pd.DataFrame
    base_scores: pd.DataFrame
    notes: list[str]


@dataclass(frozen=True)
class Scorer:
    """Scores completions under policies.

    Attributes:
        hardware: where and in what precision.
        folder: where parts are kept; those that are there are not made again.
    """

    hardware: Hardware
    folder: Path

    def log_probabilities(self, policy: Policy, asked: pd.DataFrame, label: str) -> np.ndarray:
        """log π of every completion under a policy, (N,), nats, EOS included.

        Args:
            policy: what scores.
            asked: the N completions: ``prompt`` and ``tokens``, lists of token ids.
            label: what the bar of progress says.
        """
        from tqdm.auto import tqdm

        self.folder.mkdir(parents=True, exist_ok=True)
        order = sorted(range(len(asked)), key=lambda row: (asked["prompt"].iloc[row], len(asked["tokens"].iloc[row])))
        size = BATCHES * self.hardware.generation_batch
        shares = [order[start : start + size] for start in range(0, len(order), size)]
        found, model, made_by = np.empty(len(asked)), None, [fingerprint(policy), self.hardware.dtype]
        with tqdm(total=len(asked), desc=label, unit="completion", leave=False) as bar:
            for share in shares:
                prompts, tokens = (asked[name].iloc[share].tolist() for name in ("prompt", "tokens"))
                file = (
                    self.folder
                    / f"scored-{hashlib.sha256(repr([made_by, prompts, tokens]).encode()).hexdigest()[:20]}.parquet"
                )
                if not file.is_file():
                    model = model or policy.model(self.hardware.device, self.hardware.dtype, self.hardware.attention)
                    self._keep(score(model, prompts, tokens, self.hardware.generation_batch).double().numpy(), file)
                found[share] = pd.read_parquet(file)["logp"]
                bar.update(len(share))
        return found

    @staticmethod
    def _keep(logp: np.ndarray, file: Path) -> None:
        unfinished = file.with_suffix(".unfinished")
        pd.DataFrame({"logp": logp}).to_parquet(unfinished)
        unfinished.replace(file)


def score_samples(
    samples: pd.DataFrame,
    start: str | None,
    base: Policy,
    policies: Mapping[str, Sequence[Policy]],
    retokeniser: Retokeniser,
    scorer: Scorer,
    max_tokens: int | None = None,
) -> Scored:
    """Fill in how likely models find completions that somebody else drew.

    A text may have been written in other tokens than the tokenizer's own: what is found is the probability of these.

    Args:
        samples: from ``read_samples(…, prompts=True)``.
        start: what the start model is called in them; None where they have none of it.
        base: the start model.
        policies: a model for each seed of each policy, in the order of their ``train_seed``.
        retokeniser: makes tokens of texts.
        scorer: what scores.
        max_tokens: completions of so many tokens were cut short, where no column says which were.

    Raises:
        BadInput: for samples without a prompt or completion, seeds that are not as many as models, a completion that
            is longer than the model's context.
    """
    check_askable(samples)
    asked = _tokens(samples, retokeniser, max_tokens)
    _check_context(asked, base)
    filled, notes, cross = samples.drop(columns="prompt"), _how_read(samples, retokeniser), []
    filled = filled.assign(truncated=asked["truncated"]) if asked["truncated"].any() else filled
    if "n_tokens" not in filled:
        filled["n_tokens"] = asked["tokens"].map(len)
    scores = {name: filled[name].to_numpy(float) if name in filled else np.nan for name in ("logp_base", "logp_policy")}
    filled = filled.assign(**scores)
    of_base = (samples["policy"] == start).to_numpy()
    for name in samples["policy"].unique():
        rows = (samples["policy"] == name).to_numpy()
        filled.loc[rows, "logp_base"] = scorer.log_probabilities(base, asked[rows], f"{name} under the base")
    filled.loc[of_base, "logp_policy"] = filled.loc[of_base, "logp_base"]
    for name, seeds in policies.items():
        for seed, (drawn, policy) in enumerate(zip(_by_seed(samples, name, len(seeds)), seeds, strict=True)):
            told = f"{name} (seed {seed})" if len(seeds) > 1 else name
            filled.loc[drawn, "logp_policy"] = scorer.log_probabilities(policy, asked[drawn], f"{told} under itself")
            notes.append(_told(told, filled[drawn], asked[drawn]))
            if of_base.any():
                logp = scorer.log_probabilities(policy, asked[of_base], f"the base under {told}")
                number = int(filled.loc[drawn, "train_seed"].iloc[0]) if "train_seed" in filled else 0
                cross.append(_cross(filled[of_base], name, number, logp))
    nothing = pd.DataFrame(columns=[*KEY, "logp_policy"])
    return Scored(filled, pd.concat(cross, ignore_index=True) if cross else nothing, notes)


def check_askable(samples: pd.DataFrame) -> None:
    """Raise a BadInput if completions, or what they answer, are not all there."""
    for column, remedy in {
        "completion": "name its column, --params=score.columns.THEIRS=completion",
        "prompt": "name its column, --params=score.columns.THEIRS=prompt; of logs whose models reasoned before they "
        "answered, the reasoning is not in the text, and nothing can be scored",
    }.items():
        missing = samples[column].isna() if column in samples else pd.Series(True, samples.index)
        if missing.any():
            first = samples[missing].iloc[0]
            raise BadInput(
                f"{missing.sum()} of {len(samples)} samples have no {column}, the first of problem "
                f"{first['problem_id']!r} of {first['policy']}: how likely a completion is, is asked of its text after "
                f"its prompt; {remedy}"
            )


def _tokens(samples: pd.DataFrame, retokeniser: Retokeniser, max_tokens: int | None) -> pd.DataFrame:
    truncated = samples["truncated"].tolist() if "truncated" in samples else [False] * len(samples)
    prompts = samples["prompt"].tolist()
    tokens = [
        retokeniser.completion(text, prompt, truncated=cut)
        for text, prompt, cut in zip(samples["completion"], prompts, truncated, strict=True)
    ]
    if "truncated" not in samples and max_tokens is not None:
        truncated = [len(ids) > max_tokens for ids in tokens]  # one more than was drawn: its EOS
        tokens = [ids[:-1] if cut else ids for ids, cut in zip(tokens, truncated, strict=True)]
    read = [retokeniser.prompt(prompt) for prompt in prompts]
    return pd.DataFrame({"prompt": read, "tokens": tokens, "truncated": truncated}, index=samples.index)


def _check_context(asked: pd.DataFrame, base: Policy) -> None:
    context = getattr(base.config().get_text_config(), "max_position_embeddings", None)
    longest = int((asked["prompt"].map(len) + asked["tokens"].map(len)).max())
    if context is not None and longest > context:
        raise BadInput(
            f"a prompt and its completion have {longest} tokens, more than the {context} of the start model's context "
            "(max_position_embeddings): is it the model that was asked?"
        )


def _how_read(samples: pd.DataFrame, retokeniser: Retokeniser) -> list[str]:
    said = {
        "chat": "prompts were put through the chat template",
        "text": "prompts were taken as the model read them, as they stand",
        "question": f"questions were put as task.prompt puts them, {retokeniser.task.prompt!r}, and through the chat "
        "template",
        "stripped": "prompts were kept without special tokens: those of the chat template were put back",
    }
    notes = [f"{text}; score.asked says otherwise" for kind, text in said.items() if kind in retokeniser.taken]
    if "truncated" not in samples:
        notes.append("no column says which completions were cut short: score.max_tokens tells it, and else all ended")
    return notes


def _by_seed(samples: pd.DataFrame, name: str, models: int) -> list[np.ndarray]:
    """The rows of each seed of a policy, (N,) booleans."""
    rows = (samples["policy"] == name).to_numpy()
    seeds = samples["train_seed"] if "train_seed" in samples else pd.Series(0, samples.index)
    there = sorted(seeds[rows].unique())
    if len(there) != models:
        raise BadInput(
            f"policies.{name}.path names {models} models, one a seed, and its samples are of {len(there)} "
            f"(train_seed {', '.join(map(str, there))}): name as many, in the order of their seeds"
        )
    return [rows & (seeds == seed).to_numpy() for seed in there]


def _cross(completions: pd.DataFrame, name: str, seed: int, logp: np.ndarray) -> pd.DataFrame:
    told = completions.reindex(columns=["variant", "checkpoint", "benchmark", "problem_id", "replicate", "sample_id"])
    told = told.fillna({"variant": "", "checkpoint": "last", "replicate": 0})
    return told.assign(policy=name, train_seed=seed, logp_policy=logp, replicate=told["replicate"].astype(int))


def _told(name: str, drawn: pd.DataFrame, asked: pd.DataFrame) -> str:
    """How likely its completions are; a policy that drew them finds them likelier than its base does (KL ≥ 0)."""
    tokens = asked["tokens"].map(len).sum()
    own, of_base = (drawn[column].sum() / tokens for column in ("logp_policy", "logp_base"))
    gain = (drawn["logp_policy"] - drawn["logp_base"]).to_numpy()
    told = f"{name}: {len(drawn)} completions, {own:.3f} nats a token under itself, {of_base:.3f} under the base"
    if gain.mean() + 3 * gain.std() / np.sqrt(len(gain)) < 0:
        told += "; a policy finds what it drew at temperature 1 likelier than another does: did this one, asked so?"
    return told
