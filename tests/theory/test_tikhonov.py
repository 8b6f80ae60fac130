"""How close a regularised flow comes to a lone point: closed forms, limits, and the flow itself on every process."""

import math

import examples
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import processes, sample, theory
from diffmem.integrators import ProbabilityFlow
from diffmem.reductions import Dense
from diffmem.scores import Empirical, Tikhonov

DOUBLE = jnp.zeros(()).dtype == jnp.float64
FLOAT = np.float64 if DOUBLE else np.float32
TIGHT = 1e-10 if DOUBLE else 3e-6


@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
def test_closed_forms(strength):
    """alpha = 1, and alpha^2 + sigma^2 = 1 by partial fractions."""
    exploding = processes.EDM(sigma_min=1e-3, sigma_max=5.0)
    truth = math.sqrt((1e-6 + strength) / (25 + strength))
    assert theory.tikhonov_contraction(exploding, strength) == pytest.approx(truth, rel=TIGHT)
    for process in (processes.OrnsteinUhlenbeck(), processes.VariancePreserving()):
        low, high = (float(process.level(t).sigma) ** 2 for t in (process.t_min, 0.7))
        inside = (low + strength) * (1 - high) / ((high + strength) * (1 - low))
        found = theory.tikhonov_contraction(process, strength, start=0.7)
        assert found == pytest.approx(inside ** (1 / (2 * (1 + strength))), rel=TIGHT if DOUBLE else 1e-5)


@pytest.mark.parametrize("process", examples.PROCESSES.values(), ids=examples.PROCESSES.keys())
def test_without_a_penalty_it_is_the_ratio_of_noises(process):
    start = 0.9 * process.t_max
    (a, s), (b, r) = ((float(part) for part in process.level(t)) for t in (start, process.t_min))
    assert theory.tikhonov_contraction(process, 0.0, start=start) == pytest.approx(r / b * a / s, rel=1e-5)
    assert theory.tikhonov_contraction(process, 1e12, start=start) == pytest.approx(1, rel=1e-5)


FLOWS = [
    pytest.param(process, marks=[pytest.mark.slow] * (name != "FlowMatching"), id=name)
    for name, process in examples.PROCESSES.items()
]


@pytest.mark.parametrize("process", FLOWS)
def test_the_flow_contracts_by_it(process):
    times, strength = process.time_at(np.array([3.0, 0.05], FLOAT)), 0.04
    point, x = np.array([0.4, -0.8], FLOAT), np.array([1.5, 0.3], FLOAT)
    score = Tikhonov(Empirical(point[None], reduction=Dense()), strength)
    # a process from a table has kinks at its nodes, where the error of a step exceeds its tolerance
    flow = ProbabilityFlow(rtol=1e-8, atol=1e-8) if FLOAT is np.float64 else ProbabilityFlow(rtol=1e-6, atol=1e-6)
    key = jax.random.key(0)
    out = sample(score, process, flow, times, (2,), 1, key=key, start=x[None], finish="state").points[0]
    a, b = np.asarray(process.level(times).alpha)
    found = np.linalg.norm(out / b - point) / np.linalg.norm(x / a - point)
    truth = theory.tikhonov_contraction(process, strength, *map(float, times))
    assert found == pytest.approx(truth, rel=1e-4)


def test_what_has_no_answer_is_refused():
    flow, edm = processes.FlowMatching(), processes.EDM()
    with pytest.raises(ValueError, match="`strength` must be finite and at least 0, but is -1"):
        theory.tikhonov_contraction(edm, -1.0)
    with pytest.raises(ValueError, match="`start` must be above `end`"):
        theory.tikhonov_contraction(edm, 1.0, start=1.0, end=2.0)
    with pytest.raises(ValueError, match="sigma/alpha must be positive at `end` and finite at `start`"):
        theory.tikhonov_contraction(flow, 1.0)
