"""Clones: the probability that two reverse paths from one noisy state end in the same class or on the same point.

A reverse SDE with the exact score ends on a draw from the posterior of x_0 given x_t. Two paths from one x_t (clones)
are therefore two independent draws from it, and the probability needs no simulation.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ...annotations import Numbers, Points, RandomKey
from ...level import NoiseLevel, cast_level, float_dtype, strong
from ..collapse.from_points import checked_ratios, pair_gaps
from ..estimate import Estimate, mean_estimate
from ..normal_rule import normal_rule

NODES = 361  # of the quadrature: an error below 1e-12, as the poles of tanh are far from where the weight is


def same_point_probability(weights: Float[ArrayLike, "*queries n"]) -> Float[Array, "*queries"]:
    """Probability that two clones from one state end on the same training point (or class): `sum_i w_i^2`.

    `weights` are the posterior weights of the points, or the posterior probabilities of the classes, and sum to 1. The
    result is 1 over the participation ratio; its mean over states of the forward process is what clones measure.
    Source: derived; Biroli et al., arXiv:2402.18491, for classes.
    """
    weights = strong(weights, float_dtype(weights))
    return jnp.sum(weights**2, axis=-1)


def clone_probability(
    ratio: Float[ArrayLike, "*levels"], separation: Float[ArrayLike, "*d"], variance: Float[ArrayLike, "..."]
) -> Float[Array, "*levels"]:
    """Probability `phi` that two clones from x_t end in the same one of two equal Gaussian clusters at +m and -m:

        phi = E[p_+^2 + p_-^2],  p_+ = sigmoid(2 s q),  q ~ half N(s, 1) + half N(-s, 1),
        s^2 = m^T (S + (sigma/alpha)^2)^-1 m,

    with S the covariance of a cluster, s the contrast of the noisy clusters and q the projection of x_t/alpha on
    (S + (sigma/alpha)^2)^-1 m/s. It falls from 1 at little noise to 1/2 at much. At `asymptotic_speciation_ratio` with
    |m|^2 = d, S = 1 it tends to .7752 as d grows. S = 0 is data at the two points +m and -m.

    `separation` is the vector m, of shape (d,), and `variance` the covariance S, of shape (d, d). Where m is an
    eigenvector of S, its length |m| and the eigenvalue v suffice, as two numbers: s^2 = |m|^2/(v + (sigma/alpha)^2).
    In any other direction the variance along m does not give s: other coordinates tell the clusters apart, too.

    `separation` must be positive, and `variance` nonnegative; a singular S needs a positive ratio. Accuracy: 1e-12 in
    float64. Raises ValueError unless both are numbers or their shapes are (d,) and (d, d).
    Source: Biroli et al., arXiv:2402.18491, the clone probability phi(t), written here in the contrast (derived).
    """
    ratio = strong(ratio, float_dtype(ratio))
    contrast = _contrast(ratio, strong(separation, ratio.dtype), strong(variance, ratio.dtype))[..., None]
    z, weight = (jnp.asarray(part, ratio.dtype).reshape((1,) * ratio.ndim + (-1,)) for part in normal_rule(NODES))
    # s q = s (s + z), and p_+^2 + p_-^2 = (1 + tanh^2)/2
    return 0.5 + jnp.sum(weight * jnp.tanh(contrast * (contrast + z)) ** 2, axis=-1) / 2


def _contrast(
    ratio: Float[Array, "*levels"], mean: Float[Array, "*d"], covariance: Float[Array, "..."]
) -> Float[Array, "*levels"]:
    """Distance of the means of the noisy clusters from the centre, in standard deviations of the best projection."""
    if mean.ndim > 1 or covariance.shape != mean.shape * 2:
        raise ValueError(
            "`separation` and `variance` must be numbers or have the shapes (d,) and (d, d), but have "
            f"{mean.shape} and {covariance.shape}."
        )
    if mean.ndim == 0:
        return mean / jnp.sqrt(covariance + ratio**2)
    identity = jnp.eye(len(mean), dtype=mean.dtype)

    # in units of m and of the larger of noise and covariance, so that no square over- or underflows
    length = jnp.max(jnp.abs(mean))
    size = jnp.sqrt(jnp.max(jnp.abs(covariance)))
    direction = mean / length

    def contrast(at):
        finite = jnp.isfinite(at)
        at = jnp.where(finite, at, 1)
        inverse = 1 / jnp.maximum(at, size)
        total = covariance * inverse * inverse + (at * inverse) ** 2 * identity
        root = jnp.sqrt(direction @ jnp.linalg.solve(total, direction))
        return jnp.where(finite, length * inverse * root, 0)

    return jax.vmap(contrast)(ratio.ravel()).reshape(ratio.shape)


def gaussian_clone_probability(
    ratio: Float[ArrayLike, "*levels"], variance: Float[ArrayLike, ""]
) -> Float[Array, "*levels"]:
    """Probability `phi` that two clones from x_t end on the same side of the mean of a single Gaussian:

        phi = 1/2 + asin(k/(1 + k))/pi,   k = L alpha^2/sigma^2,

    for sides along a principal axis, an eigenvector of the covariance, of positive `variance` L; ratio = sigma/alpha.
    Along any other direction u of the covariance S the argument of asin is u^T S (S + (sigma/alpha)^2)^-1 S u/u^T S u,
    not that of the variance along u. It falls from 1 to 1/2 without any transition, through .775 at sigma/alpha =
    sqrt(L/3.174): a clone probability that falls to 1/2 is no evidence of classes.
    Source: derived, `E Phi(a g)^2 = 1/4 + asin(a^2/(1 + a^2))/(2 pi)` for g ~ N(0, 1).
    """
    ratio = strong(ratio, float_dtype(ratio))
    variance = strong(variance, ratio.dtype)
    share = variance / (variance + ratio**2)
    # the same by the half angle where the sine is near 1, and there by the ratio itself
    clear = share > 0.5
    half = jnp.where(clear, ratio, 0) / jnp.sqrt(2 * (variance + jnp.where(clear, ratio, 0) ** 2))
    return jnp.where(clear, 1 - 2 * jnp.arcsin(half) / math.pi, 0.5 + jnp.arcsin(jnp.where(clear, 0, share)) / math.pi)


def empirical_clone_probability(
    points: Points, labels: Int[ArrayLike, "labels"], ratios: Numbers, *, key: RandomKey, queries: int = 1000
) -> Estimate:
    """Probability `phi` that two clones, under the empirical score of N points, end on points of equal labels:

        phi = E sum_c P(c|x)^2,   P(c|x) = sum of the posterior weights of the points with label c.

    x is a training point with noise on it, at each ratio = sigma/alpha > 0. The result is the mean over `queries` of
    the points (drawn without replacement, each with one noise, which serves every ratio) and its standard error. It
    falls from 1 to the sum of the squared frequencies of the labels. Labels of classes show speciation; labels
    `arange(N)` show collapse, as clones then agree where they end on one training point.

    Cost: queries x N exponentials per ratio, in NumPy, float64. Memory: 48 bytes x queries x N.
    Raises ValueError for fewer than 2 points or queries, another number of labels, or a ratio that is not positive.
    Source: derived; Biroli et al., arXiv:2402.18491, measure it by simulating clones.
    """
    ratios, labels = checked_ratios(ratios), np.asarray(labels)
    gaps = pair_gaps(points, key=key, queries=queries)
    if len(labels) != gaps.square.shape[1]:
        raise ValueError(f"`labels` must be one for each of {gaps.square.shape[1]} points, but are {len(labels)}.")
    order = np.argsort(labels, kind="stable")
    starts = np.unique(labels[order], return_index=True)[1]
    square, projection = gaps.square[:, order], gaps.projection[:, order]

    def agreement(ratio):
        energy = square / (2 * ratio**2) + projection / ratio
        boltzmann = np.exp(energy.min(axis=1, keepdims=True) - energy)
        classes = np.add.reduceat(boltzmann, starts, axis=1)
        return (classes**2).sum(axis=1) / classes.sum(axis=1) ** 2

    return mean_estimate(np.stack([agreement(ratio) for ratio in ratios], axis=1))


def two_delta_probability(x: Float[ArrayLike, "*queries"], level: NoiseLevel) -> Float[Array, "*queries"]:
    """Posterior probability that x came from +1, for data at +1 and -1: `p = 1/(1 + exp(-2 alpha x/sigma^2))`.

    The posterior mean is `2 p - 1 = tanh(alpha x/sigma^2)`, and two clones agree with probability p^2 + (1 - p)^2.
    At sigma = 0 it is 0, 1/2 or 1, by the sign of alpha x.
    """
    x = strong(x, float_dtype(x))
    alpha, sigma = cast_level(level, x.dtype)
    clean = sigma == 0
    # twice divided by sigma, whose square may vanish: XLA would put two divisions together
    inverse = 1 / jnp.where(clean, 1, sigma)
    noisy = jax.nn.sigmoid(2 * alpha * x * inverse * inverse)
    return jnp.where(clean, (1 + jnp.sign(alpha * x)) / 2, noisy)
