"""How far two Gaussian models, fitted to disjoint training sets, disagree on samples from equal noise."""

import numpy as np
from jaxtyping import ArrayLike, Float

from .points import checked_spectrum


def gaussian_reproducibility_error(n: float, spectrum: Float[ArrayLike, "d"], *, known_mean: bool = False) -> float:
    """Relative squared difference of the samples of two Gaussians fitted to n points each, to first order in 1/n:

        E|x_A - x_B|^2 / E|x - mean|^2 = (2/n) (1 + sum_ij (1 + [i = j]) L_i L_j / (sqrt L_i + sqrt L_j)^2 / sum_i L_i)

    L are the eigenvalues of the covariance S of the law that both sets are drawn from. The leading 1 comes from the
    fitted means and is left out with `known_mean`. Derived: the probability flow of N(m, S) that starts from z at noise
    much larger than the data ends at `m + S^(1/2) z`. A fitted covariance is S + E, and in the eigenbasis of S E_ij has
    variance (1 + [i = j]) L_i L_j / n. A small perturbation E of S changes its root by E_ij / (sqrt L_i + sqrt L_j).
    The mean square of the difference of two independent fits is twice that of one.

    With known mean, n times the result is (d + 1)/2 for d equal eigenvalues, and for any spectrum at least 1 and at
    most (d + 1)/2 times the largest over the mean eigenvalue. For many spectra of images it is near the
    `participation_dimension`.

    Accuracy: the next order is about d/n of the result. Cost: d^2. Computed in NumPy, float64.
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
