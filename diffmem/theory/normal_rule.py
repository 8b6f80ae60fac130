"""Means over a standard normal variable by quadrature."""

import numpy as np
from jaxtyping import Float

REACH = 9.0  # standard deviations: 2e-19 of the law lies beyond


def normal_rule(count: int) -> tuple[Float[np.ndarray, "count"], Float[np.ndarray, "count"]]:
    """Nodes `z_i` and weights `w_i` with `E f(z) = sum_i w_i f(z_i)`, z ~ N(0, 1): the trapezoidal rule on [-9, 9].

    Accuracy: the error falls exponentially with the number of nodes, the faster the farther the poles of f lie from the
    real line: below 1e-15 for polynomials of low degree at 100 nodes; only as `count^-2` for f with a kink. float64.
    Source: Trefethen and Weideman, SIAM Review 56, 385 (2014).
    """
    nodes = np.linspace(-REACH, REACH, count)
    weights = np.exp(-(nodes**2) / 2)
    return nodes, weights / weights.sum()
