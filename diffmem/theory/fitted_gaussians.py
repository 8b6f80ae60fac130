"""How far two Gaussian models of disjoint training sets disagree on samples from the same noise."""

import numpy as np
from jaxtyping import ArrayLike, Float

from .points import checked_spectrum


def gaussian_reproducibility_error(n: float, spectrum: Float[ArrayLike, "d"], *, known_mean: bool = False) -> float:
    """Relative squared difference of the samples of two Gaussians fitted to n points each, to first order in 1/n:

        E|x_A - x_B|^2 / E|x - mean|^2 = (2/n) (1 + sum_ij (1 + [i = j]) L_i L_j / (sqrt L_i + sqrt L_j)^2 / sum_i L_i)

    L are the eigenvalues of the covariance S of the law that both sets are drawn from. Without the leading 1, which is
    the scatter of the means, where the mean is known (`known_mean`).

    Derived. From far noise the probability flow of N(m, S) ends at `m + S^(1/2) z` (sigma much larger than the data).
    A fitted covariance is S + E with E_ij, in the eigenbasis of S, of variance (1 + [i = j]) L_i L_j / n; a small
    perturbation E of a matrix changes its root by E_ij / (sqrt L_i + sqrt L_j); two independent fits differ by twice
    the square of that.

    Known mean: n times the value is (d + 1)/2 for d equal eigenvalues and, whatever the spectrum, at least 1 and at
    most (d + 1)/2 times the largest over the mean eigenvalue. It is near the participation dimension
    `(sum L)^2 / sum L^2` for many spectra of images, but not equal to it: half of it for equal eigenvalues.

    Accuracy: float64 on the host; the next order is about d/n of the value. Cost: d^2.
    Raises ValueError unless n is at least 1 and finite, the spectrum is nonnegative and finite, and its sum positive.
    """
    values = checked_spectrum(spectrum)
    if not 1 <= n < np.inf:
        raise ValueError(f"`n` must be finite and at least 1, but is {n}.")
    if not values.sum() > 0:
        raise ValueError("`spectrum` must hold a positive eigenvalue, but its sum is 0.")
    roots = np.sqrt(values[values > 0] / values.sum())
    # L_i L_j / (sqrt L_i + sqrt L_j)^2 = (1 / (1/sqrt L_i + 1/sqrt L_j))^2
    pairs = 1 / np.add.outer(1 / roots, 1 / roots) ** 2
    return float(2 / n * (pairs.sum() + np.trace(pairs) + (0 if known_mean else 1)))
