"""The gap of the branches where a prompt leaves nothing open: a mask of coordinates that the prompt fixes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...annotations import Numbers, Point, RandomKey, Scalar
from ...checks import check_nonnegative, require
from ...integrators import AbstractIntegrator
from ...level import NoiseLevel, cast_level, strong
from ...processes import AbstractProcess
from ...scores import AbstractScore, Guided
from ...scores.base import AbstractMixture, as_point
from .paths import check_steps, measured_along

STEPS = 10  # last steps over which variances are averaged
NO_SIGNAL = "`alpha` must be positive for the variance that a denoiser implies, but is 0; a mixture knows it there."


def posterior_variance(score: AbstractScore, x: Point, level: NoiseLevel) -> Float[Array, "*shape"]:
    """The variance of each coordinate of x_0 given x, `(sigma^2/alpha) dD_k/dx_k`.

    Of a mixture it is the diagonal of its `covariance`, at alpha = 0 the variance of the data. Of other scores it comes
    by d forward derivatives of the denoiser, which the score must have, and needs alpha > 0: without signal D does not
    depend on x. For a learned score it is the variance that its denoiser implies, which may be negative.
    Raises ValueError at alpha = 0 where the score is no mixture. Source: Tweedie's second identity.
    """
    x = as_point(x)
    if isinstance(score, AbstractMixture):
        return jnp.diag(score.covariance(x, level).reshape(x.size, x.size)).reshape(x.shape)
    jacobian = jax.jacfwd(lambda flat: score.denoise(flat.reshape(x.shape), level).ravel())(x.ravel())
    alpha, sigma = cast_level(level, jacobian.dtype)
    alpha = require(alpha, alpha > 0, NO_SIGNAL)
    return (sigma**2 / alpha * jnp.diag(jacobian)).reshape(x.shape)


def bright_mask(
    score: Guided,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    ratio: Scalar = 0.05,
    steps: int = STEPS,
    integrator: AbstractIntegrator | None = None,
) -> Bool[Array, "count *shape"]:
    """The coordinates that the prompt fixes: those of posterior variance `V_c < ratio V_u` given the prompt, where V_u
    is without one, both averaged over the states before the last `steps` steps of the path of each start.

    It stands for the bright region that the cross-attention to the end token shows in the last steps. Exact scores of a
    training set have no variance left there, so that both vanish and the mask is empty: take `steps` so large that
    noisier states count, or a score of some width. Cost: one path and 2 d derivatives, or 2 covariances, at each of the
    `steps` states. Raises ValueError for a negative ratio, `steps` that are not between 1 and the steps of `times`, and
    where they reach alpha = 0 and a branch is no mixture (`posterior_variance`).
    """
    times = jnp.asarray(times)
    check_nonnegative("ratio", ratio)
    check_steps(steps, times)
    path = measured_along(_state, score, starts, process, times, key, integrator)[-steps - 1 : -1]
    levels = process.level(times[-steps - 1 : -1])
    if not all(isinstance(branch, AbstractMixture) for branch in (score.conditional, score.unconditional)):
        levels = require(levels, jnp.all(levels.alpha > 0), NO_SIGNAL)
    given, free = (_mean_variance(branch, path, levels) for branch in (score.conditional, score.unconditional))
    return given < strong(ratio, free.dtype) * free


@eqx.filter_jit
def _mean_variance(score, path, levels) -> Float[Array, "count *shape"]:
    """The posterior variances at the states of paths (steps, count, *shape), the mean over the steps."""
    at_level = jax.vmap(lambda x, level: posterior_variance(score, x, level), (0, None))
    return jax.lax.map(lambda here: at_level(*here), (path, levels)).mean(axis=0)


def bright_ending(
    score: Guided,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    ratio: Scalar = 0.05,
    steps: int = STEPS,
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count"]:
    """`|mask (eps_c - eps_u)| / mean(mask)`, averaged over all steps; 0 where the mask is empty.

    The gap of the branches inside the mask of `bright_mask`, whose arguments these are: larger where the prompt fixes a
    part of the image and moves the noise prediction there. Cost: two paths and the derivatives of the mask, which the
    score must have. Source: Chen et al., arXiv:2504.18032; the mask of attention is replaced (derived).
    """
    mask = bright_mask(score, starts, process, times, key, ratio=ratio, steps=steps, integrator=integrator)
    gaps = measured_along(_gaps, score, starts, process, times, key, integrator)[:-1]
    axes = tuple(range(1, mask.ndim))
    inside = jnp.sqrt(jnp.sum(jnp.where(mask[None], gaps**2, 0), axis=tuple(axis + 1 for axis in axes)))
    share = jnp.mean(mask.astype(gaps.dtype), axis=axes)
    return jnp.where(share > 0, inside.mean(axis=0) / jnp.where(share > 0, share, 1), 0)


def _state(x, level, branches):
    return x


def _gaps(x, level, branches):
    return branches.conditional.noise - branches.unconditional.noise
