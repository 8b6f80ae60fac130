"""Small networks trained on samples of a known law: when each generalizes and memorizes, by n and by width."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import ArrayLike, Float, Int

from .. import networks, scores, training
from ..annotations import RandomKey
from ..level import NoiseLevel
from ..processes import EDM
from ..scores import AbstractDensity, AbstractScore
from ..training import Training
from .collapse.variables import described
from .training_course import training_course

RATIOS = (0.1, 3.0)  # sigma/alpha of the training, in data units
HELD_OUT = 1024  # fresh points on which a network is judged
LEVELS = 12  # noise levels of the score error, at the middles of equal shares of the law of levels

VARIABLES = {
    "n": ("number of training points", "count"),
    "width": ("hidden units of each of the two layers", "count"),
    "step": ("steps of training", "count"),
    "loss": ("mean training loss of the batches since the snapshot before, EDM weight", "1"),
    "train_loss": ("denoising loss on the training points, EDM weight", "1"),
    "held_out_loss": ("denoising loss on held-out points, EDM weight", "1"),
    "gap": ("denoising loss on held-out points less that on the training points, EDM weight", "1"),
    "score_error": ("squared distance of the denoiser from the exact one of the law, EDM weight", "1"),
    "copied": ("share of generated samples that are copies, d1/d2 < 1/3", "1"),
    "copied_low": ("lower end of its 95 % Wilson interval", "1"),
    "copied_high": ("upper end of its 95 % Wilson interval", "1"),
}


def residual_networks(
    widths: Sequence[int],
    d: int,
    data_std: float,
    *,
    keys: Sequence[RandomKey],
    ratios: tuple[float, float] = RATIOS,
) -> list[scores.Learned]:
    """Untrained denoisers for `training.fit_many`, one for each width, with weights drawn from the key beside it.

    They are residual networks of two hidden layers with EDM preconditioning. To have one structure, all have arrays of
    the largest width, with unused units masked, so that each costs as much as the largest.
    """
    prediction = scores.predictions.Preconditioned(data_std)
    made = [networks.ResidualMLP(d, max(widths), active=active, key=k) for active, k in zip(widths, keys, strict=True)]
    return [scores.Learned(network, prediction, ratios=ratios) for network in made]


def deviation(points: Float[ArrayLike, "n *shape"]) -> float:
    """The standard deviation of a coordinate about its mean, one number for all: the `data_std` of a prediction."""
    values = np.asarray(points)
    return float(np.std(values - np.mean(values, axis=0)))


def network_courses(
    law: AbstractDensity,
    n: Sequence[int],
    *,
    key: RandomKey,
    steps: int,
    width: Sequence[int] | None = None,
    batch: int = 128,
    ratios: tuple[float, float] = RATIOS,
    snapshots: Sequence[int] | Int[np.ndarray, " k"],
    samples: int = 300,
    flow_steps: int = 14,
    counted: Sequence[int] | None = None,
) -> xr.Dataset:
    """Train one network on n[i] points of `law` for each i, all at once, and follow what each has learned and copied.

    A member is a residual network of two hidden layers of width[i] (128 for all unless given) with EDM preconditioning,
    trained at log-uniform sigma in `ratios` with EDM's weight by Adam at 1e-3, `batch` points a step drawn with
    replacement. Training sets are nested: point j is the same for all. `data_std`, one number for all coordinates, and
    the held-out loss are those of 1,024 fresh points.

    A dataset over `member` (with `n` and `width`) and `step`: the variables of `training_course`, `gap` =
    held_out_loss - train_loss, and `score_error`, the EDM-weighted mean of `|D - D*|^2 / d` with D* the law's own
    denoiser, at 12 levels on the held-out points. `counted` are the snapshots, by index, at which copies are counted
    among `samples`; elsewhere they are NaN.

    Cost: one step of four networks of width 128 and 128 points is 65 million multiplications, 3 ms on one core.
    Raises ValueError for `n` and `width` of different lengths, and as `training.fit_many`.
    """
    width = [128] * len(n) if width is None else list(width)
    if len(width) != len(n):
        raise ValueError(f"`width` must be one number for each of {len(n)} members, but are {len(width)}.")
    data_key, held_key, start_key, fit_key, sample_key, error_key = jax.random.split(key, 6)
    points, held_out = law.draw(max(n), key=data_key), law.draw(HELD_OUT, key=held_key)
    sets = [points[:size] for size in n]
    data_std = deviation(held_out)
    keys = [jax.random.fold_in(start_key, i) for i in range(len(n))]
    start = residual_networks(width, points.shape[1], data_std, keys=keys, ratios=ratios)
    objective = training.ScoreMatching(training.LogUniform(*ratios), training.weights.EDM(data_std))
    run = training.fit_many(
        start, sets, objective, key=fit_key, steps=steps, batch=batch, held_out=held_out, snapshots=snapshots
    )
    process = EDM(sigma_min=ratios[0], sigma_max=ratios[1])
    every = list(range(len(run.steps)))
    course = training_course(
        run, sets, process, key=sample_key, samples=samples, steps=flow_steps, snapshots=counted or every[-1:]
    ).reindex(step=run.steps)
    curves = {
        "loss": run.loss,
        "train_loss": run.train_loss,
        "held_out_loss": run.held_out_loss,
        "gap": run.held_out_loss - run.train_loss,
        "score_error": score_errors(run, law, held_out, objective, key=error_key),
    }
    found = course.assign({name: (("member", "step"), values) for name, values in curves.items()})
    return described(found.assign_coords(n=("member", list(n)), width=("member", width)), VARIABLES)


def score_errors(
    run: Training,
    law: AbstractScore,
    points: Float[ArrayLike, "n *shape"],
    objective: training.ScoreMatching,
    *,
    key: RandomKey,
) -> Float[np.ndarray, "*members k"]:
    """`E weight |D - D*|^2 / d` at each snapshot of a training, the distance from the exact denoiser D* of `law`.

    The mean is over x = alpha x_0 + sigma z with x_0 of `points` and 12 levels of the objective, the same noise at all
    snapshots. On points of the law it estimates how far the held-out loss is above its minimum, with less noise.
    """
    shape = np.shape(run.loss)
    found = [
        [float(_score_error(one.at(k), law, jnp.asarray(points), objective, key)) for k in range(shape[-1])]
        for one in ([run.member(i) for i in range(shape[0])] if len(shape) == 2 else [run])
    ]
    return np.array(found).reshape(shape)


@eqx.filter_jit
def _score_error(score, law, points, objective, key):
    quantiles = (jnp.arange(LEVELS, dtype=points.dtype) + 0.5) / LEVELS

    def at(quantile, own):
        level = NoiseLevel(*(jnp.asarray(part, points.dtype) for part in objective.levels.at(quantile)))
        noisy = level.alpha * points + level.sigma * jax.random.normal(own, points.shape, points.dtype)
        learned, exact = (jax.vmap(lambda x, one=one: one.denoise(x, level))(noisy) for one in (score, law))
        return objective.weight(level) * jnp.mean((learned - exact) ** 2)

    return jax.lax.map(lambda args: at(*args), (quantiles, jax.random.split(key, LEVELS))).mean()
