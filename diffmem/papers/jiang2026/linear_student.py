"""A consistency step between linear models: does a student keep what its teacher has learned of the sample?"""

import math
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ... import training
from ..diffusion_time import level_at

BLOCK = 20  # draws of every point whose features are held at once


class DistilledEnergies(NamedTuple):
    """Energies `(1/d) sum_k l_k |A q_k|^2/p` of a student over those of its teacher, on modes q_k of the features."""

    sample_energy: float
    """On the n modes that the sample makes (rho_1): where memorization is."""
    population_energy: float
    """On the d largest modes (rho_2): where generalization is."""


def feature_distillation(
    t: float,
    time: float,
    *,
    d: int = 25,
    psi_p: int = 32,
    psi_n: int = 4,
    draws: int = 100,
    key: PRNGKeyArray,
) -> DistilledEnergies:
    """Distil tanh random features, trained for `time` on n points of N(0, I), by one consistency step from t to t/2.

    Teachers of the same features are trained by gradient flow at the times t and t' = t/2 of the Ornstein-Uhlenbeck
    clock. A student at t is fitted by least squares so that its denoiser gives what the denoiser of the teacher at t'
    gives one Euler step of the flow earlier: `D_S(x_t) = D_T'(x_t + (t - t')(x_t + s_T(x_t)))`, over `draws` noises of
    each training point. p = psi_p d features, n = psi_n d points; draws x n should be several p.

    Cost: two fits (`training.fit_random_features`) and draws x n x p^2 products; 3 s by default. Host float64.
    Source: our own linear reading of Jiang and Zou, arXiv:2604.23552; the model is that of Bonnaire et al.,
    arXiv:2505.17638.
    """
    first_key, point_key, noise_key = jax.random.split(key, 3)
    n, p = psi_n * d, psi_p * d
    first, points = _normal(first_key, (p, d)), _normal(point_key, (n, d))
    now, before = (level_at(time) for time in (t, t / 2))
    fit, earlier = (training.fit_random_features(first, points, level) for level in (now, before))
    own, target = (np.asarray(one.flow_score(time).second, np.float64) for one in (fit, earlier))
    features = lambda x: np.tanh(x @ first.T / math.sqrt(d)) / math.sqrt(p)  # noqa: E731
    second, cross = np.zeros((p, p)), np.zeros((p, d))
    for i in range(0, draws, BLOCK):
        noise = _normal(jax.random.fold_in(noise_key, i), (min(BLOCK, draws - i), n, d))
        x = (now.alpha * points + now.sigma * noise).reshape(-1, d)
        f = features(x)
        y = x + t / 2 * (x + f @ own.T)
        clean = (y + before.sigma**2 * features(y) @ target.T) / before.alpha
        second += f.T @ f
        cross += f.T @ (now.alpha * clean - x) / now.sigma**2
    student = np.linalg.lstsq(second, cross, rcond=None)[0].T
    modes = fit.modes.eigenvalues * ((student @ fit.vectors) ** 2).sum(0)
    taught = fit.modes.eigenvalues * ((own @ fit.vectors) ** 2).sum(0)
    over = lambda part: float(modes[part].sum() / taught[part].sum())  # noqa: E731
    return DistilledEnergies(over(slice(-n - d, -d)), over(slice(-d, None)))


def _normal(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    return np.asarray(jax.random.normal(key, shape), np.float64)
