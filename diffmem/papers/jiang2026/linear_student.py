"""A consistency step between linear models: does a student keep what its teacher has learned of the sample?"""

import math

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ... import training
from ..diffusion_time import level_at

BLOCK = 20  # draws of noise from one key


def feature_distillation(
    t: float, time: float, *, d: int, psi_p: int, psi_n: int, blocks: int = 5, key: PRNGKeyArray
) -> tuple[float, float]:
    """Distil tanh random features, trained for `time` on n points of N(0, I), by one consistency step from t to t/2.

    Teachers of the same features are trained by gradient flow at the times t and t' = t/2 of the Ornstein-Uhlenbeck
    clock. A student at t is fitted by least squares so that its denoiser gives what the denoiser of the teacher at t'
    gives one Euler step of the flow earlier: `D_S(x_t) = D_T'(x_t + (t - t')(x_t + s_T(x_t)))`, over 20 `blocks` noises
    of each training point. p = psi_p d features, n = psi_n d points; noises x n should be several p.

    Returns the energy `(1/d) sum_k l_k |A q_k|^2/p` of the student over that of its teacher on the n modes q_k of the
    features that the sample makes (rho_1), where memorization is, and on the d largest modes (rho_2), where
    generalization is.
    Source: our own linear reading of Jiang and Zou, arXiv:2604.23552; the model is that of Bonnaire et al.,
    arXiv:2505.17638.
    """
    first_key, point_key, noise_key = jax.random.split(key, 3)
    n, p = psi_n * d, psi_p * d
    noise_keys = [jax.random.fold_in(noise_key, BLOCK * i) for i in range(blocks)]
    first, points = _normal(first_key, (p, d)), _normal(point_key, (n, d))
    noise = np.concatenate([_normal(block, (BLOCK, n, d)) for block in noise_keys])
    now, before = (level_at(time) for time in (t, t / 2))
    fit, earlier = (training.fit_random_features(first, points, level) for level in (now, before))
    own, target = (np.asarray(one.flow_score(time).second, np.float64) for one in (fit, earlier))

    def features(x):
        return np.tanh(x @ first.T / math.sqrt(d)) / math.sqrt(p)

    x = (now.alpha * points + now.sigma * noise).reshape(-1, d)
    f = features(x)
    y = x + t / 2 * (x + f @ own.T)
    clean = (y + before.sigma**2 * features(y) @ target.T) / before.alpha
    wanted = (now.alpha * clean - x) / now.sigma**2
    student = np.linalg.lstsq(f.T @ f, f.T @ wanted, rcond=None)[0].T
    kept, taught = (fit.modes.eigenvalues * ((one @ fit.vectors) ** 2).sum(0) for one in (student, own))
    sample, population = slice(-n - d, -d), slice(-d, None)
    return kept[sample].sum() / taught[sample].sum(), kept[population].sum() / taught[population].sum()


def _normal(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    return np.asarray(jax.random.normal(key, shape), np.float64)
