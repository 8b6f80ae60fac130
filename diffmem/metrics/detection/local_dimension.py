"""Local dimension of a learned law at a point: a score knows how many directions the law has around it."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...annotations import Numbers, Point, RandomKey, Scalar
from ...integrators import DDIM, AbstractIntegrator, sample
from ...level import NoiseLevel, cast_level, float_dtype, strong
from ...processes import AbstractProcess
from ...scores import AbstractScore
from ...scores.base import as_point
from ...tensors import read_tensor

NORMAL = 0.25
"""Root mean square of the predicted noise along an axis, above which the axis is normal to the data. With 4 d noisy
copies it is at least about 1/2 along normal axes (Marchenko and Pastur), and sigma/(alpha width) along tangent ones."""

Estimator = Callable[[AbstractScore, Point, NoiseLevel, RandomKey], Scalar]
"""`estimator(score, x, level, key)`: the dimension at a clean point x."""


def flipd(score: AbstractScore, x: Point, level: NoiseLevel, key: RandomKey | None = None) -> Float[Array, ""]:
    """`d + sigma^2 (tr grad s + |s|^2)` at alpha x, for a clean point x: the dimension at scale sigma/alpha.

    It is the derivative of `log p(alpha x)` with respect to `log sigma` at constant alpha, plus d. Closed forms (both
    derived, at alpha = 1): `sum_i w_i |x - y_i|^2/sigma^2` with the posterior weights w_i of training points y_i, which
    is 0 on an isolated point; and `sum_k L_k/(L_k + sigma^2) + sigma^2 sum_k x_k^2/(L_k + sigma^2)^2` for N(0, diag L),
    which is the number of L_k >> sigma^2 for a clean x. At sigma = 0 it is the limit, infinite off the data. A sum over
    squares of noise is random: at *noised* x its mean is d, whatever the law, so that x must be clean.

    Cost: one score and its divergence, which takes d forward derivatives where it has no closed form; `key` is not
    used. Source: Kamkari et al., arXiv:2406.03537; as a measure of memorization, Ross et al., arXiv:2411.00113.
    """
    x = as_point(x)
    alpha, sigma = cast_level(level, x.dtype)
    noise = score.noise(alpha * x, level)
    # tr grad s may be as large as d/sigma^2, which must fit in the dtype: less noise changes sigma^2 tr grad s no more
    least = 2 * (x.size / float(jnp.finfo(noise.dtype).max)) ** 0.5
    sigma = jnp.maximum(sigma, least)
    slope = score.divergence(alpha * x, NoiseLevel(alpha, sigma))
    sigma = strong(sigma, slope.dtype)
    return x.size + sigma * (sigma * slope) + jnp.sum(noise**2)


def normal_bundle_dimension(
    score: AbstractScore, x: Point, level: NoiseLevel, key: RandomKey, *, copies: int | None = None
) -> Float[Array, ""]:
    """d less the number of axes along which noisy copies of a clean point x are pushed back.

    The rows of a matrix are the noises `E[z | x']` that the score predicts at `copies` (4 d by default) points
    `x' = alpha x + sigma z`; its singular values over `sqrt(copies)` are near 1 along the normal axes of the data and
    near `sigma/(alpha width)` along tangent ones, and those above 1/4 are counted. Needs no derivative of the score.
    Cost: `copies` evaluations and one singular value decomposition. Source: Stanczuk et al., arXiv:2212.12611.
    """
    x = as_point(x)
    alpha, sigma = cast_level(level, x.dtype)
    copies = 4 * x.size if copies is None else copies
    z = jax.random.normal(key, (copies, *x.shape), x.dtype)
    noises = jax.vmap(lambda z: score.noise(alpha * x + sigma * z, level).ravel())(z)
    values = jnp.linalg.svd(noises, compute_uv=False) / copies**0.5
    return x.size - jnp.sum(values > NORMAL).astype(noises.dtype)


def local_dimension(
    score: AbstractScore,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    ratio: Scalar,
    measured: AbstractScore | None = None,
    estimator: Estimator = flipd,
    integrator: AbstractIntegrator | None = None,
) -> Float[Array, "count"]:
    """Minus the local dimension at the clean end of the path of each start: larger for memorized prompts.

    The path is that of `score`, and its end D(x) at the last time; the dimension there is that of `measured` (default:
    `score`; for a guided score without its guidance, `score.conditional`) at the level where `sigma/alpha = ratio`, by
    `estimator(score, x, level, key)`, `flipd` or `normal_bundle_dimension`. A ratio well below the distances of
    training points tells a copied point (dimension 0) from a point of a continuous law.

    Any score serves; `flipd` needs its divergence, hence a derivative or a closed form. Cost: one path and one estimate
    for each start. Source: Ross et al., arXiv:2411.00113.
    """
    starts = jnp.asarray(read_tensor(starts))
    path_key, own_key = jax.random.split(key)
    solver = DDIM() if integrator is None else integrator
    ends = sample(score, process, solver, times, starts.shape[1:], len(starts), key=path_key, start=starts).points
    level = process.level(process.time_at(strong(ratio, float_dtype(ends))))
    return -_dimensions(score if measured is None else measured, ends, level, own_key, estimator)


@eqx.filter_jit
def _dimensions(score, points, level, key, estimator):
    keys = jax.random.split(key, len(points))
    return jax.vmap(lambda x, key: estimator(score, x, level, key))(points, keys)
