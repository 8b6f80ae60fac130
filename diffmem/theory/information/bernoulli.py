"""The divergence of two events, and with it the least that a law must change to make an event likely."""

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.special import rel_entr


def bernoulli_divergence(q: Float[ArrayLike, "*pairs"], p: Float[ArrayLike, "*pairs"]) -> Float[np.ndarray, "*pairs"]:
    """`kl(q || p) = q log(q/p) + (1 - q) log((1 - q)/(1 - p))` in nats; infinite where an event of no mass occurs.

    A law Q that gives an event probability q is at least this far from a law P that gives it p, `KL(Q || P) >=
    kl(q || p)`, by the data-processing inequality; equality where Q is P with its two parts reweighted. So noise that
    the probability flow carries into a basin of mass p with probability q has at least this divergence from N(0, I),
    which for q = 1 is `log 1/p`.

    Raises ValueError for probabilities outside [0, 1]. Source: Cover and Thomas.
    """
    pair = np.asarray(q, np.float64), np.asarray(p, np.float64)
    for name, value in zip("qp", pair):
        if not ((value >= 0) & (value <= 1)).all():
            raise ValueError(f"`{name}` must be between 0 and 1, but is {value}.")
    q, p = pair
    with np.errstate(divide="ignore", invalid="ignore"):
        # of small masses 1 - q and 1 - p have no digits left
        others = np.where(q == 1, 0.0, (1 - q) * (np.log1p(-q) - np.log1p(-p)))
    return np.asarray(np.maximum(rel_entr(q, p) + others, 0))
