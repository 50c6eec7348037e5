"""Intervals that DuckDB has no function for: macros of SQL, and the quantiles of the F distribution. Every `Session` has them.

    select question_id, sum(correct) / sum(asked) as p, wilson_low(sum(correct), sum(asked)), wilson_high(sum(correct), sum(asked)) ...

All intervals are of 95 %, two-sided. What cannot be computed is null.
"""

import math
from typing import Any

Z = "1.959963984540054::double"  # so many standard deviations hold 95 % of a normal distribution
_ROOT = f"{Z} * sqrt(k::double * (n - k)::double / n::double + {Z} * {Z} / 4)"
MACROS = {
    # Of a share, k of n: Wilson 1927.
    "wilson_low(k, n)": f"case when n > 0 then greatest(0, (k::double + {Z} * {Z} / 2 - {_ROOT}) / (n::double + {Z} * {Z})) end",
    "wilson_high(k, n)": f"case when n > 0 then least(1, (k::double + {Z} * {Z} / 2 + {_ROOT}) / (n::double + {Z} * {Z})) end",
    # Of a correlation r of n pairs: Fisher 1921. Of one pooled within g groups, n is the number of pairs less g - 1.
    "fisher_low(r, n)": f"case when n > 3 and abs(r) < 1 then tanh(atanh(r) - {Z} / sqrt(n::double - 3)) end",
    "fisher_high(r, n)": f"case when n > 3 and abs(r) < 1 then tanh(atanh(r) + {Z} / sqrt(n::double - 3)) end",
}
F_QUANTILE = "f_quantile"
TINY, ENOUGH, MOST = 1e-300, 1e-15, 1e300
MOST_TERMS, MOST_STEPS = 100_000, 200
LARGE = 30


def define(duckdb: Any) -> None:
    """Gives a connection the macros, which cost nothing until a query names one."""
    for head, body in MACROS.items():
        duckdb.execute(f"create macro {head} as {body}")


def define_f_quantile(duckdb: Any) -> None:
    """Gives a connection `f_quantile(p, d1, d2)`. Apart, because DuckDB imports numpy for the first function of Python's."""
    duckdb.create_function(F_QUANTILE, f_quantile, ["DOUBLE", "DOUBLE", "DOUBLE"], "DOUBLE", null_handling="special")


def f_quantile(p: float | None, d1: float | None, d2: float | None) -> float | None:
    """The value below which an F distribution with d1 and d2 degrees of freedom has the share p; None unless 0 < p < 1 and both d > 0.

    F = d2 x / (d1 (1 - x)) where x has the beta distribution with d1/2 and d2/2 (DLMF 8.17, Abramowitz and Stegun 26.6.2).
    """
    if p is None or d1 is None or d2 is None or not (0 < p < 1 and d1 > 0 and d2 > 0):
        return None
    low, high = 0.0, 1.0
    while f_share(high, d1, d2) < p and high < MOST:
        low, high = high, 2 * high
    value = (low + high) / 2
    for _ in range(MOST_STEPS):  # Newton's steps, and halves of what is left where one leads out of it
        above = f_share(value, d1, d2) - p
        low, high = (value, high) if above < 0 else (low, value)
        step = value - above / _f_density(value, d1, d2)
        if abs(step - value) <= ENOUGH * value:
            break
        value = step if low < step < high else (low + high) / 2
    return value


def f_share(value: float, d1: float, d2: float) -> float:
    """The share of an F distribution that lies below the value."""
    return beta_share(d1 * value / (d1 * value + d2), d1 / 2, d2 / 2, d2 / (d1 * value + d2))


def _f_density(value: float, d1: float, d2: float) -> float:
    x, a, b = d1 * value / (d1 * value + d2), d1 / 2, d2 / 2
    return math.exp(a * math.log(x) + b * math.log1p(-x) + _log_inverse_beta(a, b)) / value


def beta_share(x: float, a: float, b: float, rest: float | None = None) -> float:
    """The regularised incomplete beta function I_x(a, b), 0 to 1; `rest` is 1 - x where that is known with more digits.

    By its continued fraction (DLMF 8.17.22), which converges fast for x < (a + 1) / (a + b + 2); beyond, by I_x(a, b) = 1 - I_1-x(b, a).
    """
    rest = 1 - x if rest is None else rest
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(rest, b, a, x)
    front = math.exp(a * math.log(x) + b * math.log(rest) + _log_inverse_beta(a, b))
    return front / (a * _continued_fraction(x, a, b))


def _log_inverse_beta(a: float, b: float) -> float:
    """log(Gamma(a + b) / (Gamma(a) Gamma(b))), for large ones without the difference of two logarithms that are many times as large."""
    a, b = sorted((a, b))
    if b < LARGE:
        return math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    risen = a * (math.log(b) - 1) + (a + b - 0.5) * math.log1p(a / b) + _beyond_stirling(a + b) - _beyond_stirling(b)
    return risen - math.lgamma(a)


def _beyond_stirling(x: float) -> float:
    """log Gamma(x) less Stirling's approximation (DLMF 5.11.1), for x of LARGE or more to the last digit."""
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / x**2) / x**2) / x**2) / x


def _continued_fraction(x: float, a: float, b: float) -> float:
    """1 + d1 / (1 + d2 / (1 + ...)), by Lentz's method as Thompson and Barnett (1986) changed it."""
    value = numerator = 1.0
    denominator = 0.0
    for term in range(1, MOST_TERMS):
        m = term // 2
        factors = -(a + m) * (a + b + m) / (a + 2 * m + 1) if term % 2 else m * (b - m) / (a + 2 * m - 1)
        d = factors * x / (a + 2 * m)
        denominator = 1 / (1 + d * denominator or TINY)
        numerator = 1 + d / numerator or TINY
        step = numerator * denominator
        value *= step
        if abs(step - 1) < ENOUGH:
            break
    return value
