"""How often a prompt that copies with a given probability is found by repeated generation."""

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.special import betainc


def clique_probability(mass: Float[ArrayLike, "*masses"], generations: int, size: int) -> Float[np.ndarray, "*masses"]:
    """`P(Bin(generations, mass) >= size)`: at least `size` of independent generations are one and the same point.

    `mass` is the probability that a generation is this point. It is the probability that generations hold a clique of
    `size` near-identical ones where no other point comes near that number, and distinct generations are far apart.
    For 500 generations and cliques of 10 it is .03, .54 and .93 at mass .01, .02 and .03. Derived; computed as the
    incomplete beta function `I_mass(size, generations - size + 1)`.

    Raises ValueError for masses outside [0, 1] and unless 1 <= size <= generations.
    Source: the black-box extraction test of Carlini et al., arXiv:2301.13188.
    """
    mass = np.asarray(mass, np.float64)
    if not ((mass >= 0) & (mass <= 1)).all():
        raise ValueError(f"`mass` must be between 0 and 1, but is {mass}.")
    if not 1 <= size <= generations:
        raise ValueError(f"`size` must be between 1 and {generations}, the generations, but is {size}.")
    return np.asarray(betainc(size, generations - size + 1, mass))
