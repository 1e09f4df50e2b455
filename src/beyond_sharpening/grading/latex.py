"""Reading an expression as LaTeX, by the grammar that math-verify uses: the whole of it, or nothing."""

import re
from typing import Any

from beyond_sharpening.grading.canonical import number, rounded
from beyond_sharpening.grading.remembered import remembered
from beyond_sharpening.grading.typesetting import without_typesetting


@remembered(1 << 12)
def read(expression: str) -> list[Any]:
    """Read a whole expression as LaTeX, or return nothing.

    Left to itself, math-verify would fall back on a fraction or number that stands somewhere in it, would drop its
    units and primes, would take the derivative of every variable for zero, and i for two different names.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse
    from sympy import Eq, Rational, nan, zoo

    decimal = rounded(expression)
    if (value := decimal.value if decimal else number(expression)) is not None:
        return [Rational(value.numerator, value.denominator)]
    normalisation = NormalizationConfig(units=False, malformed_operators=True, nits=True, boxed="all")
    reading = LatexExtractionConfig(boxed_match_priority=0, normalization_config=normalisation)
    found = parse(
        rf"\boxed{{{_for_the_grammar(expression)}}}",
        extraction_config=(reading,),
        extraction_mode="first_match",
        parsing_timeout=None,
        raise_on_error=True,
    )
    if not found or isinstance(found[0], str) or found[0].has(nan, zoo):
        return []
    expressed, *written = found
    if isinstance(expressed, Eq) and expressed.lhs == expressed.rhs:  # N = n: the grammar knows no capitals
        return []
    return [_as_meant(expressed), *written]


def _as_meant(expressed: Any) -> Any:
    """Rates as names of their own, the imaginary unit as itself, decimals as the ratios they are."""
    from sympy import Derivative, Float, I, Integral, Product, Rational, Sum, Symbol

    meant = {rate: Symbol(str(rate), real=True) for rate in expressed.atoms(Derivative) if rate.expr.is_Symbol}
    meant |= {decimal: Rational(str(decimal)) for decimal in expressed.atoms(Float)}
    if not expressed.has(Sum, Product, Integral):
        # With an i between spaces the grammar takes every name for complex, without one for real.
        names = {name: I if name.name == "i" else Symbol(name.name, real=True) for name in expressed.free_symbols}
        meant |= {name: meaning for name, meaning in names.items() if meaning != name and name not in meant.values()}
    return expressed.xreplace(meant)


def _for_the_grammar(expression: str) -> str:
    """Write what the grammar would take for something else as what it is."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", without_typesetting(expression))
    text = re.sub(r"(?<==)([-+]?[\d.]+)[eE]([-+]?\d+)$", r"\1\\cdot10^{\2}", text)
    text = re.sub(r"'+", lambda primes: "^{" + r"\prime" * len(primes[0]) + "}", text)
    text = re.sub(r"\\lg(?![A-Za-z])", r"\\log_{10}", text)
    # A capital E is Euler's number, which has no subscript, and a gamma is the function.
    text = re.sub(r"(?<![A-Za-z\\])E_", r"\\varepsilon_", text)
    return re.sub(r"\\gamma(?![A-Za-z])", r"\\varpi", text)
