"""Hidden units of an autoencoder: how evenly they respond to an input, and which of them act as one unit."""

import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ...metrics.detection import unit_spread
from ...metrics.neighbours.rows import as_rows
from .autoencoders import Autoencoder


def code_spread(codes: Real[ArrayLike, "count p"]) -> Float[np.ndarray, "count"]:
    """Standard deviation over the p units of a code of norm 1: `sqrt(1/p - mean(h/|h|)^2)`.

    0 where all units respond equally, `sqrt(p - 1)/p` where a single unit responds, as for a memorized point. Without
    the norm it would measure the size of the input. A code of zeros has spread 0.
    float64 on the host. Raises ValueError for values that are not finite.
    Source: the detector of Zhang et al., arXiv:2512.20963, on normalized codes (derived).
    """
    return unit_spread(as_rows(codes, "codes").astype(np.float64))


def top_energy(codes: Real[ArrayLike, "count p"]) -> Float[np.ndarray, "count"]:
    """Share of the largest unit in the energy of each code: `max_k h_k^2 / |h|^2`, between 1/p and 1; 0 for zeros.

    float64 on the host. Raises ValueError for values that are not finite.
    """
    return (_unit(codes) ** 2).max(axis=1)


def merged_units(
    encoder: Real[ArrayLike, "d p"],
    decoder: Real[ArrayLike, "..."],
    *,
    cosine: float = 0.99,
    negligible: float = 1e-3,
) -> Autoencoder:
    """A bias-free two-layer ReLU network whose units of one direction are merged into one, the largest mass first.

    A unit can be split into several of one direction without any change of the function, of `|W1|^2 + |W2|^2` or of any
    loss, so that counts and shares of units have a meaning only after merging. Units are linked where their w1 have a
    cosine of at least `cosine`; the merged one has `w1 = u sqrt(sum |w1_k|^2)`, u the direction of `sum |w1_k| w1_k`,
    and `w2 = sum |w1_k| w2_k / sqrt(sum |w1_k|^2)`. For equal directions this changes neither the function nor the
    energy of the code nor, where the w2 are parallel and balanced, the total mass. Units of a mass |w1| |w2| below
    `negligible` times the largest are left out.

    float64 on the host. Cost: p^2 d.
    Raises ValueError for values that are not finite, different shapes, a network of zeros, `cosine` outside (0, 1] and
    `negligible` outside [0, 1).
    Source: derived from the positive homogeneity of relu.
    """
    from scipy.sparse.csgraph import connected_components

    if not 0 < cosine <= 1:
        raise ValueError(f"`cosine` must be above 0 and at most 1, but is {cosine}.")
    if not 0 <= negligible < 1:
        raise ValueError(f"`negligible` must be at least 0 and below 1, but is {negligible}.")
    first, second = (
        as_rows(part, name).T.astype(np.float64) for part, name in ((encoder, "encoder"), (decoder, "decoder"))
    )
    if first.shape != second.shape:
        raise ValueError(f"`encoder` and `decoder` must have one shape, but are {first.T.shape} and {second.T.shape}.")
    norms, mass = np.linalg.norm(first, axis=1), Autoencoder(first.T, second.T).mass
    if not mass.max() > 0:
        raise ValueError("`encoder` and `decoder` must have a unit that answers, but all masses are 0.")
    used = np.flatnonzero((mass > 0) & (mass >= negligible * mass.max()))
    units = first[used] / norms[used, None]
    # equal directions have a computed cosine a rounding below 1
    linked = units @ units.T >= cosine - 4 * np.finfo(np.float64).eps
    count, label = connected_components(linked, directed=False)
    member = (label[:, None] == np.arange(count)).astype(np.float64) * norms[used, None]
    size = np.sqrt((member**2).sum(axis=0))
    direction = member.T @ first[used]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    merged = Autoencoder((direction * size[:, None]).T, (member.T @ second[used] / size[:, None]).T)
    order = np.argsort(-merged.mass, kind="stable")
    return Autoencoder(merged.encoder[:, order], merged.decoder[:, order])


def _unit(codes: Real[ArrayLike, "count p"]) -> Float[np.ndarray, "count p"]:
    """Codes of norm 1, zeros where there is nothing; scaled first, so that no square underflows."""
    rows = as_rows(codes, "codes").astype(np.float64)
    scale = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(scale > 0, scale, 1)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norm > 0, norm, 1)
