"""Generated samples with their nearest training points: the eye's test of copying."""

import math

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Real
from matplotlib.figure import Figure

from .image_pairs import draw_images, is_image
from .pairs import Pairs
from .vectors import draw_plane, draw_profiles


def samples_beside_neighbours(
    samples: Real[ArrayLike, "..."],
    neighbours: Real[ArrayLike, "..."],
    event_shape: tuple[int, ...],
    distance: Float[ArrayLike, "..."] | None = None,
    copied: Bool[ArrayLike, "..."] | None = None,
    *,
    ratio: Float[ArrayLike, "..."] | None = None,
    most: int = 16,
) -> Figure:
    """Generated samples, each with its nearest training point (`train[index]`): the first `most` pairs of those given.

    Events of shape (h, w), (h, w, 1), (h, w, 3), (1, h, w) or (3, h, w) are drawn as images (channels last where both
    could be meant), the sample above its neighbour, on the value range of the neighbours, beyond which they saturate;
    events of two values as points in the plane, all others as profiles. Captions give `distance` = d1 (data units),
    `ratio` = d1/d2 and `copied`, if given.

    Raises ValueError where counts or event sizes differ, without a pair, and unless most >= 1.
    """
    pairs = _pairs(samples, neighbours, tuple(event_shape), (distance, ratio, copied), most)
    if is_image(event_shape):
        return draw_images(pairs)
    return draw_plane(pairs) if math.prod(event_shape) == 2 else draw_profiles(pairs)


def _pairs(samples, neighbours, event_shape, facts, most):
    samples, neighbours = np.asarray(samples), np.asarray(neighbours)
    count, size = len(samples), math.prod(event_shape)
    if not (most >= 1 and count >= 1):
        raise ValueError(f"`samples` must hold a pair and `most` be positive, but they are {count} and {most}.")
    for name, points in (("samples", samples), ("neighbours", neighbours)):
        if points.size != count * size:
            raise ValueError(f"`{name}` must hold {count} events of shape {event_shape}, but has shape {points.shape}.")
    for name, fact in zip(("distance", "ratio", "copied"), facts):
        if fact is not None and np.shape(fact) != (count,):
            raise ValueError(f"`{name}` must have shape ({count},), but has shape {np.shape(fact)}.")
    kept = min(most, count)
    distance, ratio, copied = (None if fact is None else np.asarray(fact)[:kept] for fact in facts)
    shape = (kept, *event_shape)
    return Pairs(samples[:kept].reshape(shape), neighbours[:kept].reshape(shape), distance, ratio, copied)
