"""Learning curves: the polynomials of Mei and Montanari, drawn matrices, limits."""

import cmath
import math

import numpy as np
import pytest
from examples import PROCESSES

from diffmem import theory
from diffmem.level import NoiseLevel

UNIT = theory.activation_moments(NoiseLevel(math.exp(-0.1), math.sqrt(-math.expm1(-0.2))))
WIDE = theory.activation_moments(NoiseLevel(1.1, 0.7))
CELLS = [(2.0, 4.0, 1e-2), (4.0, 4.0, 0.1), (8.0, 4.0, 1e-2), (4.0, 8.0, 0.1), (16.0, 4.0, 1e-4)]


def mei_montanari(psi_p, psi_n, penalty, moments):
    """Test error of ridge regression of -y with label noise alpha^2/sigma^2 (arXiv:1908.05355), at Gamma = 1."""
    nonlinear = math.sqrt(moments.nonlinear)
    z, p1, p2 = moments.slope / nonlinear, psi_p, psi_n
    end = 1j * math.sqrt(p1 * p2 * penalty / (psi_p * moments.nonlinear))
    nu1 = nu2 = 1j / 1e3
    for height in np.geomspace(1e3, 1, 200):
        xi = end * height
        for _ in range(200):
            mixed = z**2 / (1 - z**2 * nu1 * nu2)
            new1, new2 = p1 / (-xi - nu2 - mixed * nu2), p2 / (-xi - nu1 - mixed * nu1)
            moved = abs(new1 - nu1) + abs(new2 - nu2)
            nu1, nu2 = (nu1 + new1) / 2, (nu2 + new2) / 2
            if moved < 1e-13 * (abs(nu1) + abs(nu2)):
                break
    c = (nu1 * nu2).real
    assert abs(cmath.phase(nu1 * nu2)) > 3  # chi is negative
    e0 = -(c**5) * z**6 + 3 * c**4 * z**4 + (p1 * p2 - p2 - p1 + 1) * c**3 * z**6 - 2 * c**3 * z**4 - 3 * c**3 * z**2
    e0 += (p1 + p2 - 3 * p1 * p2 + 1) * c**2 * z**4 + 2 * c**2 * z**2 + c**2 + 3 * p1 * p2 * c * z**2 - p1 * p2
    e1 = p2 * c**3 * z**4 - p2 * c**2 * z**2 + p1 * p2 * c * z**2 - p1 * p2
    e2 = c**5 * z**6 - 3 * c**4 * z**4 + (p1 - 1) * c**3 * z**6 + 2 * c**3 * z**4 + 3 * c**3 * z**2
    e2 += (-p1 - 1) * c**2 * z**4 - 2 * c**2 * z**2 - c**2
    return (e1 + moments.alpha**2 / moments.sigma**2 * e2) / e0


@pytest.mark.parametrize(("psi_p", "psi_n", "penalty"), CELLS)
def test_one_draw_against_the_polynomials(psi_p, psi_n, penalty):
    found = theory.one_draw_learning_curve(penalty, psi_p, psi_n, UNIT).score
    assert found == pytest.approx(mei_montanari(psi_p, psi_n, penalty, UNIT), rel=2e-4)


@pytest.mark.parametrize("moments", [UNIT, WIDE])
@pytest.mark.parametrize(("psi_p", "psi_n", "penalty"), CELLS[:4])
def test_against_drawn_matrices(moments, psi_p, psi_n, penalty):
    """Gaussian equivalents in plain NumPy, mean of three draws: losses to 1 % and 3 %, score errors to 6 %."""
    d, draws = 70, 3
    rng = np.random.default_rng(2)
    pairs = [every_noise(rng, d, int(psi_p), int(psi_n), penalty, moments) for _ in range(draws)]
    train, score = np.mean(pairs, axis=0)
    found = theory.ridge_learning_curve(penalty, psi_p, psi_n, moments)
    assert train == pytest.approx(found.train, rel=1e-2) and score == pytest.approx(found.score, rel=0.06)
    train, score = np.mean([one_noise(rng, d, int(psi_p), int(psi_n), penalty, moments) for _ in range(draws)], axis=0)
    found = theory.one_draw_learning_curve(penalty, psi_p, psi_n, moments)
    assert train == pytest.approx(found.train, rel=0.03) and score == pytest.approx(found.score, rel=0.06)


def every_noise(rng, d, psi_p, psi_n, penalty, moments):
    p, n = psi_p * d, psi_n * d
    w, x, omega = rng.normal(size=(p, d)), rng.normal(size=(n, d)), rng.normal(size=(p, n))
    g = moments.slope * moments.alpha * w @ x.T / math.sqrt(d) + math.sqrt(moments.conditional) * omega
    u = g @ g.T / n + moments.noise * w @ w.T / d + moments.floor * np.eye(p)
    v = moments.slope * moments.sigma * w / math.sqrt(d)
    a = -np.linalg.solve(u + penalty * np.eye(p), v).T / moments.sigma
    train = 1 + (moments.sigma**2 * np.sum(a @ u * a) + 2 * moments.sigma * np.sum(a * v.T)) / d
    return train, population_error(a, w, moments)


def one_noise(rng, d, psi_p, psi_n, penalty, moments):
    p, n = psi_p * d, psi_n * d
    w, xi = rng.normal(size=(p, d)), rng.normal(size=(n, d))
    y = moments.alpha * rng.normal(size=(n, d)) + moments.sigma * xi
    f = moments.slope * w @ y.T / math.sqrt(d) + math.sqrt(moments.nonlinear) * rng.normal(size=(p, n))
    a = -np.linalg.solve(f @ f.T / n + penalty * np.eye(p), f @ xi / n).T / moments.sigma
    return np.sum((moments.sigma * a @ f + xi.T) ** 2) / (n * d), population_error(a, w, moments)


def population_error(a, w, moments):
    """E|A f + y/Gamma^2|^2/d with f = a W y/sqrt(d) + mu_* omega."""
    d = w.shape[1]
    linear = moments.slope * moments.gamma * a @ w / math.sqrt(d) + np.eye(d) / moments.gamma
    return (np.sum(linear**2) + moments.nonlinear * np.sum(a**2)) / d


@pytest.mark.parametrize("curve", [theory.ridge_learning_curve, theory.one_draw_learning_curve])
@pytest.mark.parametrize("name", PROCESSES)
def test_ends_and_identity_on_every_process(curve, name):
    """No fit under an infinite penalty, the population's score from infinitely many points and features."""
    process = PROCESSES[name]
    level = process.level(process.time_at(np.float32(0.7)))
    moments = theory.activation_moments(NoiseLevel(*(float(part) for part in level)))
    none, share = curve(1e9, 3.0, 5.0, moments), (moments.alpha / moments.gamma) ** 2
    assert none.train == pytest.approx(1) and none.score == pytest.approx(moments.gamma**-2)
    everything = curve(1e-3, 1e4, 1e8, moments)
    assert everything.train == pytest.approx(share, rel=1e-3) and everything.score < 1e-3 / moments.gamma**2
    found = curve(np.array([1e-3, 1.0]), 3.0, 5.0, moments)
    np.testing.assert_allclose(found.test, moments.sigma**2 * found.score + share, rtol=1e-12)
    assert np.all(found.train < found.test) and found.train[0] < found.train[1]


def test_one_draw_peaks_where_features_are_as_many_as_points_and_all_draws_do_not():
    grid = np.array([1, 2, 3, 4, 5, 6, 8, 16])
    one = [float(theory.one_draw_learning_curve(1e-4, p, 4.0, UNIT).score) for p in grid]
    every = [float(theory.ridge_learning_curve(1e-4, p, 4.0, UNIT).score) for p in grid]
    assert grid[np.argmax(one)] == 4 and np.all(np.diff(every) > 0)
    assert one[6] > every[6] and one[7] < every[7]


@pytest.mark.parametrize("curve", [theory.ridge_learning_curve, theory.one_draw_learning_curve])
def test_bad_input_is_one_sentence(curve):
    with pytest.raises(ValueError, match="`penalty` must be positive and finite, but is 0"):
        curve(0.0, 2.0, 2.0, UNIT)
    with pytest.raises(ValueError, match="`moments` must be at a positive noise"):
        curve(1.0, 2.0, 2.0, UNIT._replace(sigma=0.0))
