"""Random training sets, queries and levels against extended precision on the very same numbers (see `attacks`)."""

import os

import attacks
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffmem.level import NoiseLevel
from diffmem.reductions import Chunked, Dense
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT, ALLOWED = (np.float64, attacks.DOUBLE) if DOUBLE else (np.float32, attacks.SINGLE)
# points of double precision have no wider one behind them: a common offset, or copies an ulp apart, cost their answers the
# digits that a difference loses
KINDS = attacks.KINDS[:-1] if DOUBLE else attacks.KINDS
# few shapes, each with one reduction, since every one of them is compiled: (n, d, batch), reduction, weighted, own levels
FORMS = {
    "a handful": ((3, 2, 5), None, True, False),
    "dense": ((17, 3, 4), Dense(), False, True),
    "chunks of five": ((40, 40, 6), Chunked(5, 4), True, True),
}
SLOW_FORMS = {
    "one point": ((1, 1, 1), None, False, False),
    "a line": ((300, 1, 8), Chunked(64), True, False),
    "a line at once": ((300, 1, 8), None, True, False),
    "a cloud at once": ((40, 4, 8), None, True, True),
    "a batch of forty": ((90, 8, 40), Chunked(64, 7), True, True),
    "double precision throughout": ((90, 8, 12), Chunked(64, energies="double"), True, True),
    "many coordinates": ((120, 200, 3), Chunked(50), False, False),
    "pixels": ((7, 784, 2), None, True, False),
}

# unoptimised code adds number by number and rounds more often than what users run
as_users_do = pytest.mark.skipif(
    "optimization_level=0" in os.environ.get("XLA_FLAGS", ""), reason="counts roundings: run it with XLA_FLAGS="
)
unlikely = lambda rare, common: st.one_of(common, common, rare)  # noqa: E731


@st.composite
def an_attack(draw, shape, weighted, own_levels):
    """One attack of a given shape; offsets and outliers are in units of the scale, kept in the range of a float."""
    n, d, batch = shape
    scale = draw(unlikely(st.floats(-30, 30), st.just(0.0)))
    sigma = draw(unlikely(st.just(0.0), st.floats(-6, 1.9).map(lambda power: 10.0**power)))
    outlier = draw(unlikely(st.floats(2, 10), st.none()))
    return attacks.Attack(
        kind=draw(st.sampled_from(KINDS)),
        seed=draw(st.integers(0, 2**31)),
        n=n,
        d=d,
        batch=batch,
        spacing=draw(st.floats(-7, 0)),
        offset=None if DOUBLE else draw(unlikely(st.sampled_from([1.0, 2.0, 4.0, 6.0]), st.none())),
        outlier=None if outlier is None else min(outlier, 34 - scale),
        scale=scale,
        weights=draw(st.sampled_from(attacks.WEIGHTS[1:])) if weighted else "uniform",
        alpha=draw(st.one_of(st.sampled_from([1.0, 0.0]), st.floats(-3, 0).map(lambda power: 10.0**power))),
        sigma=sigma,
        own_levels=own_levels,
        query=draw(st.sampled_from(attacks.QUERIES)),
        beta=draw(st.floats(-3, 2).map(lambda power: 10.0**power)),
    )


def attacked(form, count, traced=False):
    shape, reduction, weighted, own_levels = form

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(an_attack(shape, weighted, own_levels))
    def holds(attack):
        case = attacks.built(attack, FLOAT)
        for i, found in enumerate(attacks.measured(case, reduction, not own_levels, traced)):
            errors = attacks.ratios(case, i, found, ALLOWED)
            beyond = {name: value for name, value in errors.items() if not value <= 1 and name[0] != "("}
            assert not beyond, (i, beyond)

    holds()


@pytest.mark.parametrize("name", FORMS)
def test_everything_at_random_queries(name):
    attacked(FORMS[name], 60)


@pytest.mark.slow
@as_users_do
@pytest.mark.parametrize("name", SLOW_FORMS)
def test_everything_at_random_queries_of_other_shapes(name):
    attacked(SLOW_FORMS[name], 60)


@pytest.mark.slow
@as_users_do
def test_traced_points():
    """Points and weights as arguments of a compiled function."""
    attacked(FORMS["chunks of five"], 40, traced=True)


@pytest.mark.parametrize("reduction", [None, pytest.param(Chunked(4), marks=pytest.mark.slow)], ids=str)
def test_points_in_a_compiled_function_as_constants_and_as_arguments(reduction):
    """Both are the score built outside, also far from the origin and in small units."""
    rng = np.random.default_rng(0)
    level = NoiseLevel(FLOAT(0.9), FLOAT(0.3e-6))
    argument = jax.jit(lambda points, x: Empirical(points, reduction=reduction).posterior(x, level))
    for shift in (0.0, 1e-3):
        points = (1e-6 * rng.normal(size=(9, 33)) + shift).astype(FLOAT)
        x = (0.9 * points[3] + 0.2e-6).astype(FLOAT)
        outside = Empirical(points, reduction=reduction).posterior(x, level)
        closed = jax.jit(lambda x, points=points: Empirical(points, reduction=reduction).posterior(x, level))(x)
        for other in (closed, argument(points, x)):
            for name in ("log_prob", "mean", "displacement", "entropy", "participation", "leader_weight", "spread"):
                one, two = getattr(outside, name), getattr(other, name)
                np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-5 * float(np.max(np.abs(one))))
