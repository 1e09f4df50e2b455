"""Independent draws by other programs than the sampling loop: transformers' paged batching, and vLLM offline.

They batch as they like, so that a draw is not settled by its seed alone. What the policy gives their completions is
scored in a pass of its own, on the weights and kernels that score everything else, and compared with what they say.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from beyond_sharpening.decoding.sampling import Completion, SamplingOptions, grouped
from beyond_sharpening.decoding.scoring import TokenScores, score_tokens
from beyond_sharpening.errors import BadInput, EngineMismatch
from beyond_sharpening.models.memory import EVALUATION_VLLM_SHARE

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

LARGEST_GAP = 0.1
"""Mean |log q_engine − log q| a token, in nats. Rounding to bfloat16 gives a tenth of it; other weights, several."""

PAGED_SHARE = 0.5
"""Of the free memory, for the paged caches of all who share it; what is computed beside them needs the rest."""


@dataclass(frozen=True)
class Drawn:
    """A completion as an engine gives it.

    Attributes:
        tokens: token ids, the EOS that ended it included.
        logq: log-probability of each under what it was drawn from; of a greedy one, at temperature 1.
    """

    tokens: Sequence[int]
    logq: Sequence[float]


class Engine(Protocol):
    """Draws independent completions."""

    name: str

    def draw(
        self, prompts: Sequence[Sequence[int]], options: SamplingOptions, samples: int, seeds: Sequence[int]
    ) -> list[Drawn]:
        """``samples`` completions of each prompt, one prompt's after the other's."""
        ...


class Paged:
    """Continuous batching over a paged cache, on a copy of the weights.

    Args:
        model: the copy, which nothing else uses: its attention is exchanged.
        asked: keys of transformers' ``ContinuousBatchingConfig``.
    """

    name = "paged"

    def __init__(self, model: PreTrainedModel, asked: Mapping[str, Any]) -> None:
        self.model, self.asked = model, asked

    def draw(
        self, prompts: Sequence[Sequence[int]], options: SamplingOptions, samples: int, seeds: Sequence[int]
    ) -> list[Drawn]:
        return paged_batching(self.model, prompts, options, samples, seeds[0], self.asked)


def paged_batching(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    samples: int,
    seed: int,
    asked: Mapping[str, Any],
) -> list[Drawn]:
    """Draw by ``generate_batch`` of transformers; see ``Engine.draw``.

    Raises:
        EngineMismatch: if it does not finish every completion.
    """
    from transformers import ContinuousBatchingConfig, GenerationConfig

    eos, is_greedy = list(options.eos_ids), options.temperature == 0
    drawing = {"temperature": options.temperature, "top_p": options.top_p, "top_k": 0}
    outputs = cast(Any, model).generate_batch(
        [list(prompt) for prompt in prompts for _ in range(samples)],
        generation_config=GenerationConfig(
            max_new_tokens=options.max_new_tokens,
            do_sample=not is_greedy,
            eos_token_id=[] if options.ignore_eos else eos,
            pad_token_id=eos[0],
            **({} if is_greedy else drawing),
        ),
        continuous_batching_config=ContinuousBatchingConfig(**asked, return_logprobs=True, seed=seed % 2**31),
        progress_bar=False,
    )
    drawn = [outputs[name] for name in sorted(outputs, key=lambda name: int(name.rpartition("_")[2]))]
    if len(drawn) != len(prompts) * samples or any(output.error for output in drawn):
        faults = {output.error for output in drawn if output.error}
        raise EngineMismatch(
            f"paged batching finished {len(drawn)} of {len(prompts) * samples} completions"
            + (f": {'; '.join(sorted(faults))}" if faults else "")
            + "; choose the engine transformers (hardware.engine for trainings, hardware.evaluation_engine) if it "
            "happens again"
        )
    return [Drawn(output.generated_tokens, output.logprobs) for output in drawn]


class Vllm:
    """vLLM's offline ``LLM`` on a policy's folder; prompts are read once for all of their samples (prefix caching).

    Its core runs in this process, so that its GPU is this process's and is given back with it.

    Args:
        policy: a ``save_pretrained`` folder.
        dtype: of weights and cache.
        tokens: of the longest prompt with its completion.
        asked: further arguments of ``vllm.LLM``.
        shows_progress: whether there is a bar.

    Raises:
        BadInput: for arguments that vLLM does not take.
    """

    name = "vllm"

    def __init__(
        self, policy: Path, dtype: str, tokens: int, asked: Mapping[str, Any], *, shows_progress: bool = False
    ) -> None:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        from vllm import LLM

        arguments = {"gpu_memory_utilization": EVALUATION_VLLM_SHARE, "enable_prefix_caching": True} | dict(asked)
        try:
            self.llm = LLM(
                model=str(policy),
                dtype=dtype,
                max_model_len=tokens,
                skip_tokenizer_init=True,
                generation_config="vllm",
                logprobs_mode="processed_logprobs",
                **arguments,
            )
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"vLLM cannot serve {policy} as it is asked to: {error} (hardware.evaluation_engine_options = "
                f"{dict(asked)!r}); change that, or choose hardware.evaluation_engine=transformers"
            ) from error
        self.shows_progress = shows_progress

    def draw(
        self, prompts: Sequence[Sequence[int]], options: SamplingOptions, samples: int, seeds: Sequence[int]
    ) -> list[Drawn]:
        from vllm import SamplingParams

        asked = [
            SamplingParams(
                n=samples,
                temperature=options.temperature,
                top_p=options.top_p,
                seed=seed,
                max_tokens=options.max_new_tokens,
                min_tokens=options.min_new_tokens - 1,  # before the EOS, which counts here
                stop_token_ids=list(options.eos_ids),
                logprobs=0,  # of the drawn token
                detokenize=False,
            )
            for seed in seeds
        ]
        told = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        groups = self.llm.generate(told, asked, use_tqdm=self.shows_progress)
        outputs = [one for group in groups for one in sorted(group.outputs, key=lambda one: one.index)]
        return [
            Drawn(
                list(one.token_ids),
                [at[token].logprob for token, at in zip(one.token_ids, one.logprobs, strict=True)],
            )
            for one in outputs
        ]


Sampler = Callable[[Sequence[Sequence[int]], SamplingOptions, int, Sequence[int]], list[list[Completion]]]
"""From prompts, options, samples and seeds to the completions of each prompt, as ``sample`` gives them."""


def served(engine: Engine, model: PreTrainedModel, batch_size: int, label: str) -> Sampler:
    """An engine as a sampler: what it draws, with what the policy says of it.

    log π, log q at what the engine said it was, and entropy are those of ``Completion``; so is the cost: what the loop
    would have processed. ``diagnostics`` holds the mismatch, ``engine_gap``, nats a token.

    Args:
        engine: what draws.
        model: the policy.
        batch_size: completions that are scored together.
        label: whose completions they are, in what is said.
    """

    def sampler(
        prompts: Sequence[Sequence[int]], options: SamplingOptions, samples: int, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        drawn = engine.draw(prompts, options, samples, seeds)
        asked = [prompt for prompt in prompts for _ in range(samples)]
        scores = score_tokens(model, asked, [one.tokens for one in drawn], options, batch_size)
        _check_gaps(engine, [_gaps(*pair, options) for pair in zip(drawn, scores, strict=True)], label)
        rows = zip(asked, drawn, scores, strict=True)
        return grouped([_completion(prompt, one, own, options, samples) for prompt, one, own in rows], samples)

    return sampler


def _gaps(drawn: Drawn, scores: TokenScores, options: SamplingOptions) -> np.ndarray:
    """|log q_engine − log q| of each token; a token at the rim of a nucleus may be outside of ours, and is left out."""
    own = scores.logp if options.temperature == 0 else scores.logq
    return np.abs(np.asarray(drawn.logq) - own)[np.isfinite(own)]


def _check_gaps(engine: Engine, gaps: Sequence[np.ndarray], label: str) -> None:
    every = np.concatenate([*gaps, np.zeros(0)])
    gap = float(every.mean()) if len(every) else 0.0
    if not gap <= LARGEST_GAP:
        raise EngineMismatch(
            f"the log-probabilities of {engine.name} differ from those of the policy of {label} by {gap:.3g} nats a "
            f"token (rounding allows {LARGEST_GAP}): it serves other weights, another precision or another "
            "distribution; choose hardware.evaluation_engine=transformers"
        )
    logger.info("%s: %s is off by %.2g nats a token, of %s tokens", label, engine.name, gap, f"{len(every):,}")


def _completion(
    prompt: Sequence[int], drawn: Drawn, scores: TokenScores, options: SamplingOptions, samples: int
) -> Completion:
    gaps = _gaps(drawn, scores, options)
    return Completion(
        list(drawn.tokens),
        float(scores.logp.sum(dtype=float)),
        float(scores.entropy.mean()),
        set(options.eos_ids).isdisjoint(drawn.tokens),
        len(prompt) / samples + len(drawn.tokens) - 1,
        0.0 if options.temperature == 0 else float(np.sum(drawn.logq)),
        {"engine_gap": float(gaps.mean()) if len(gaps) else 0.0},
        token_logp=scores.logp,
    )
