"""The ten propositions of ``docs/theory.md``, each an executable check on policies small enough to enumerate."""

from beyond_sharpening.theory.propositions.accuracy import check_accuracy, check_ceilings
from beyond_sharpening.theory.propositions.check import Check, claims_table, series_table
from beyond_sharpening.theory.propositions.coverage import check_crossover, check_price
from beyond_sharpening.theory.propositions.decomposition import check_decomposition
from beyond_sharpening.theory.propositions.estimator import check_estimator
from beyond_sharpening.theory.propositions.length import check_length
from beyond_sharpening.theory.propositions.noise import check_noise
from beyond_sharpening.theory.propositions.optimum import check_optimum
from beyond_sharpening.theory.propositions.temperature import check_temperature

CHECKS = (
    check_optimum,
    check_estimator,
    check_accuracy,
    check_length,
    check_ceilings,
    check_price,
    check_crossover,
    check_decomposition,
    check_noise,
    check_temperature,
)


def check_propositions(seed: int = 0) -> list[Check]:
    """Check all ten propositions, in their order, on random policies drawn from ``seed``; a few seconds."""
    return [check(seed) for check in CHECKS]


__all__ = ["CHECKS", "Check", "check_propositions", "claims_table", "series_table"]
