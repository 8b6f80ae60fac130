"""Averages of disjoint sets of points, merged, against those of the union."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from diffmem.reductions import Dense, gibbs, merge
from diffmem.scores import Empirical

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
TOLERANCE = 1e-12 if DOUBLE else 1e-5
D = 4
N = 24
SETS = {"thirds": np.arange(N) // 8, "ragged": np.array([0, 1] + [2] * 22), "mixed": np.arange(N) * 7 % 3}


@jax.jit
def apart(inside, centres, x, alpha, sigma):
    """The averages over the points that each row of `inside` marks, and the parts' leaders."""
    parts = jnp.where(inside, centres.log_weights[None], -jnp.inf)
    found = jax.vmap(lambda logs: gibbs(Dense(), centres._replace(log_weights=logs), x, alpha, sigma))(parts)
    leaders = [leaf[found.leader] for leaf in (centres.offsets, centres.squares, centres.log_weights)]
    return found, centres._replace(offsets=leaders[0], squares=leaders[1], log_weights=leaders[2])


union = jax.jit(merge)
whole = jax.jit(lambda *query: gibbs(Dense(), *query))


@pytest.mark.parametrize("name", SETS)
def test_the_union_from_its_parts(name):
    """All fields, with duplicates in several parts, from sigma = 0 to noise that hides everything, and alpha = 0."""
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(N, D)).astype(FLOAT), rng.uniform(0.2, 1, size=N).astype(FLOAT)
    points[[3, 21]] = points[13]
    centres = Empirical(points, weights).centres
    inside = SETS[name] == np.arange(3)[:, None]
    x = (points[13] + 0.01).astype(FLOAT)
    for alpha, sigma in ((1, 0), (1, 1e-4), (1, 0.3), (0.5, 2), (1, 1e3), (0, 1)):
        query = x, FLOAT(alpha), FLOAT(sigma)
        found, truth = union(*apart(inside, centres, *query), *query), whole(centres, *query)
        for field, one, other in zip(truth._fields, found, truth):
            np.testing.assert_allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{field} at {sigma}")


def test_shares_are_right_a_million_nats_down():
    """Two parts whose log-partitions are -1e8 and differ by log 3, which their difference would lose in float32."""
    points = np.array([[1.0, 0.0], [-1.0, 0.0]], FLOAT)
    centres = Empirical(points, np.array([1.0, 3.0], FLOAT)).centres
    query = np.array([0.0, 14.0], FLOAT), FLOAT(1), FLOAT(1e-3)
    found = union(*apart(np.eye(2, dtype=bool), centres, *query), *query)
    assert found.log_partition < -9e7
    assert found.leader == 1 and found.leader_weight == pytest.approx(0.75, rel=1e-6)
    assert oracles.off(found.mean, [-0.5, 0.0]) < 1e-6
    assert found.spread == pytest.approx(0.75, rel=1e-6)


def test_what_parts_discard_adds_up_to_what_the_union_lacks():
    """Parts that kept k of mass 1 each: the union kept sum k of their number; a part that lost everything bounds nothing."""
    rng = np.random.default_rng(1)
    kept = np.array([0.25, 0.5, 1.0], FLOAT)
    centres = Empirical(np.ones((3, D), FLOAT), kept).centres
    query = rng.normal(size=D).astype(FLOAT), FLOAT(1), FLOAT(0.5)
    found, leaders = apart(np.eye(3, dtype=bool), centres, *query)
    found = found._replace(discarded=1 - kept)
    assert union(found, leaders, *query).discarded == pytest.approx(1 - kept.sum() / 3, rel=1e-6)
    assert union(found._replace(discarded=np.ones(3, FLOAT)), leaders, *query).discarded == 1
    empty = leaders._replace(log_weights=leaders.log_weights.at[0].set(-jnp.inf))
    without = union(found, empty, *query)
    assert without.discarded == pytest.approx(1 - 1.5 / 2, rel=1e-6)
    assert all(np.all(np.isfinite(leaf)) for leaf in without)
