"""What did training do? Estimators of a policy's change from its base, and the rule that names it."""

from beyond_sharpening.analysis.mechanisms.coverage import solve_rate_transitions
from beyond_sharpening.analysis.mechanisms.naming import EXPLAINED, Thresholds
from beyond_sharpening.analysis.mechanisms.table import mechanism

__all__ = ["EXPLAINED", "Thresholds", "mechanism", "solve_rate_transitions"]
