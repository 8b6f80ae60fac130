"""Samples of a score that takes labels, each with a label of its own."""

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from ..integrators import AbstractIntegrator, sample
from ..processes import AbstractProcess
from ..scores import AbstractScore


def labelled_samples(
    score: AbstractScore,
    process: AbstractProcess,
    integrator: AbstractIntegrator,
    times: Float[ArrayLike, "nodes"],
    shape: tuple[int, ...],
    labels: Int[Array, "count"],
    *,
    key: PRNGKeyArray,
) -> Float[Array, "count *shape"]:
    """One sample of `score.conditioned(label)` for each label: number i depends on key, i and its label only.

    For a score with `conditioned`, such as `Learned` and `RandomFeatureRidge`. All are drawn at once, as one batch.
    """
    return _drawn(score, process, integrator, times, shape, labels, key)


@eqx.filter_jit
def _drawn(score, process, integrator, times, shape, labels, key):
    def one(label, key):
        return sample(score.conditioned(label), process, integrator, times, shape, 1, key=key).points[0]

    return jax.vmap(one)(labels, jax.vmap(lambda i: jax.random.fold_in(key, i))(jax.numpy.arange(len(labels))))
