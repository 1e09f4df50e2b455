"""Decoding: completions and their log-probabilities, from any causal language model of transformers.

sampling    the one sampling loop, and what a completion is
engines     the same draws by transformers' paged batching or vLLM
decode      the one door to every decoder of ``beyond_sharpening.parameters.decoders``
pools       decoders that choose among independent draws
smc         sequential Monte Carlo for π^α, and the exact chain over its runs
mh          Metropolis–Hastings on π^α, many chains at once
beam        beam search
cache       a key–value cache with room to grow
inputs      prompts as a model takes them
mixing      split-R̂
text        from tokens to the text in which an answer is looked for
packing     completions of prompts in one row, each prompt once
scoring     log-probabilities of given completions
reference   the same chain written plainly, one at a time: slow, and easily checked
"""

from beyond_sharpening.decoding.decode import DecodingTask, decode
from beyond_sharpening.decoding.sampling import Completion, SamplingOptions, sample
from beyond_sharpening.decoding.scoring import score

__all__ = ["Completion", "DecodingTask", "SamplingOptions", "decode", "sample", "score"]
