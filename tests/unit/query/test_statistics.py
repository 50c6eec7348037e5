"""Quantiles of the F distribution against closed forms, printed tables and quadrature; and the macros, by hand."""

import math

import duckdb
import pytest

from include.query import statistics
from include.query.statistics import beta_share, f_quantile, f_share
from tests.oracle import item_analysis

PRINTED = [  # tables of the F distribution, as in Pearson and Hartley 1966
    (0.975, 10, 20, 2.77),
    (0.975, 1, 10, 6.94),
    (0.95, 5, 10, 3.33),
    (0.95, 30, 120, 1.55),
    (0.99, 4, 4, 15.98),
]


@pytest.mark.parametrize(("p", "d1", "d2", "printed"), PRINTED)
def test_printed_quantiles(p: float, d1: int, d2: int, printed: float) -> None:
    assert round(f_quantile(p, d1, d2) or 0, 2) == printed
    assert math.isclose(f_quantile(1 - p, d2, d1) or 0, 1 / (f_quantile(p, d1, d2) or 0), rel_tol=1e-12)


@pytest.mark.parametrize("p", [0.001, 0.025, 0.5, 0.975, 0.999])
@pytest.mark.parametrize("d2", [1, 3, 40, 5000])
def test_with_two_degrees_there_is_a_closed_form(p: float, d2: int) -> None:
    expected = d2 / 2 * math.expm1(-2 / d2 * math.log1p(-p))
    assert math.isclose(f_quantile(p, 2, d2) or 0, expected, rel_tol=1e-11)


@pytest.mark.parametrize(("d1", "d2"), [(29, 29), (29, 87), (150, 600), (389, 1556), (1999, 77961)])
def test_quantiles_are_those_of_quadrature(d1: int, d2: int) -> None:
    for p in (0.025, 0.975):
        assert math.isclose(f_quantile(p, d1, d2) or 0, item_analysis.f_quantile(p, d1, d2), rel_tol=1e-9)
        assert math.isclose(f_share(f_quantile(p, d1, d2) or 0, d1, d2), p, rel_tol=1e-12)


def test_the_incomplete_beta_function_is_a_binomial_tail() -> None:
    """I_x(k, n - k + 1) is the chance of k or more in n tries (DLMF 8.17.5)."""
    for n, k, x in ((10, 3, 0.2), (40, 30, 0.5), (7, 1, 0.9)):
        tail = sum(math.comb(n, i) * x**i * (1 - x) ** (n - i) for i in range(k, n + 1))
        assert math.isclose(beta_share(x, k, n - k + 1), tail, rel_tol=1e-12)


NONE = [(0, 2, 2), (1, 2, 2), (0.5, 0, 2), (0.5, 2, -1), (None, 2, 2), (0.5, None, 2), (0.5, 2, None), (math.nan, 2, 2)]


@pytest.mark.parametrize(("p", "d1", "d2"), NONE)
def test_what_has_no_quantile_has_none(p: float | None, d1: float | None, d2: float | None) -> None:
    assert f_quantile(p, d1, d2) is None


def test_the_macros_in_sql() -> None:
    with duckdb.connect() as memory:
        statistics.define(memory)
        statistics.define_f_quantile(memory)
        # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for k, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):
            found = memory.execute(f"select wilson_low({k}, {n}), wilson_high({k}, {n})").fetchone()
            assert tuple(round(each, 4) for each in found or ()) == (low, high)
        found = memory.execute("select fisher_low(0.5, 28), fisher_high(0.5, 28), fisher_low(1.0, 28), fisher_low(0.5, 3)").fetchone()
        assert [each and round(each, 4) for each in found or ()] == [0.156, 0.7358, None, None]
        nothing = memory.execute("select wilson_low(0, 0), f_quantile(0.5, null, 2), f_quantile(0.975, 10::hugeint, 20)").fetchone()
        assert [each and round(each, 2) for each in nothing or ()] == [None, None, 2.77]
