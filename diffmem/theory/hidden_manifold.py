"""The covariance spectrum of a linear hidden manifold, by the law of Marchenko and Pastur; NumPy, float64."""

import math

import numpy as np
from jaxtyping import Float


def hidden_manifold_spectrum(d: int, latent: int) -> Float[np.ndarray, "d"]:
    """Eigenvalues of the covariance `F F^T/D` of points `y = F c/sqrt(D)`, F of iid N(0, 1), c ~ N(0, I_D), D = latent.

    Of length d, descending; min(d, D) of them are not zero and are the means of the Marchenko-Pastur law over bins of
    equal probability,

        lambda = (M/D)(1 + q - 2 sqrt(q) cos a),   density of a in [0, pi]: (2/pi) sin^2 a/(1 + q - 2 sqrt(q) cos a),

    with m, M = min, max of d and D, and q = m/M. Their sum is d exactly. For d >> D all D of them are d/D, as for an
    orthonormal embedding of N(0, (d/D) I_D). The result can be passed wherever a spectrum is asked for, as in
    `collapse_ratio(n, hidden_manifold_spectrum(d, D))`.

    Accuracy: for sums of smooth functions of the eigenvalues, the bins cause a relative error of 1/(12 m^2); that of
    the law itself at finite m is O(1) in the sum, beside the fluctuations of F.
    Raises ValueError where `d` or `latent` is below 1.
    Source: Marchenko and Pastur 1967; for the manifolds of Achilli et al., arXiv:2502.09578; angles and bins derived.
    """
    from scipy.optimize.elementwise import find_root

    if d < 1 or latent < 1:
        raise ValueError(f"`d` and `latent` must be at least 1, but are {d} and {latent}.")
    fewer, more = min(d, latent), max(d, latent)
    root = math.sqrt(fewer / more)
    shares = np.arange(fewer + 1) / fewer
    edges = find_root(lambda angle, share: _share_below(angle, root) - share, (0.0, math.pi), args=(shares,)).x
    # the mean of the law up to an angle, as lambda times the density is (2/pi) sin^2
    means = np.diff(edges - np.sin(edges) * np.cos(edges)) / math.pi * fewer
    return np.concatenate([means[::-1] * more / latent, np.zeros(d - fewer)])


def _share_below(angle: np.ndarray, root: float) -> np.ndarray:
    """Distribution function of the angle, `(a + f - (f - r sin a)/r^2)/pi`, f = arg(1 - r e^-ia).

    It integrates the series of the density, sum_k r^k (cos ka - cos (k + 2)a)/pi.
    """
    phase = np.arctan2(root * np.sin(angle), 1 - root * np.cos(angle))
    return (angle + phase - (phase - root * np.sin(angle)) / root**2) / math.pi
