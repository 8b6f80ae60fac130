"""How far floating-point arithmetic may be off."""

import jax.numpy as jnp


def unit_of(x) -> float:
    """The rounding unit of x's dtype."""
    return float(jnp.finfo(x.dtype).eps) / 2


def gamma(k: int, unit: float) -> float:
    """Bound on the relative error of k roundings.

    Source: Higham, Accuracy and stability of numerical algorithms, lemma 3.1.
    """
    return k * unit / (1 - k * unit)
