"""Does a score follow the optimum of its training loss, and down to which noise?"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ... import __version__, theory
from ...annotations import Numbers, Points, RandomKey
from ...batches import in_pieces
from ...checks import check_count, check_finite
from ...level import NoiseLevel, cast_level, float_dtype, strong
from ...processes import AbstractProcess
from ...scores import AbstractScore, Empirical, Gaussian
from ...tensors import read_tensor
from ..collapse.variables import described
from .departure import departures, edges
from .result import VARIABLES, AgainstOptimum

BATCH = 256  # queries at once
NODES = 25  # of the default levels
SETS = "train", "held_out"
MEASURES = "loss", "loss_exact", "loss_gaussian", "square_exact", "square_gaussian", "square_apart", "leader_weight"


def against_optimum(
    score: AbstractScore,
    train: Points,
    held_out: Points | None = None,
    process: AbstractProcess | None = None,
    *,
    key: RandomKey,
    ratios: Numbers | None = None,
    times: Numbers | None = None,
    collapse: float | None = None,
    draws: int = 4,
    queries: int = 512,
    progress: Callable[[int, int, str], None] | None = None,
) -> AgainstOptimum:
    """Any score beside the exact score of its training set and beside the Gaussian fitted to it, level by level.

    The exact score E (`scores.Empirical(train)`) has the smallest denoising loss on the training points that any score
    can have, and copies them. The fitted Gaussian G knows mean and covariance alone, and copies nothing. At much noise
    the two agree; where they part, the denoiser D is measured on noisy training and held-out points
    `x = alpha y + sigma z`, with the same y and z for all three:

        excess over E      mean of |D(x) - y|^2 - |E(x) - y|^2        (0 for E itself; negative on held-out points
        excess over G      mean of |D(x) - y|^2 - |G(x) - y|^2         where D generalizes and E does not)
        distances          root mean squares of D - E and D - G

    all per coordinate, with standard errors over points. D is said to follow E at a level where, on training points,

        mean |D - E|^2 < mean |G - E|^2 / 4 + .01 mean |E - y|^2:

    nearer to E than half the distance of the Gaussian, or within a hundredth of the smallest loss. `stops` is the
    ratio sigma/alpha at which it stops on the way from noise to data, interpolated between levels, with a 95 % interval
    by bootstrap over points. Beside it stand the ratios of collapse (t_C: below it the exact score copies; predicted
    from the spectrum where it was not measured) and of speciation (t_S), and the steps of the caller's own schedule.

    Args:
        train, held_out: (n, *shape) each, two points or more; without held-out points, training points alone.
        process: on whose levels the score is asked; alpha = 1 and sigma = ratio without one.
        ratios: the levels sigma/alpha; by default 25 around collapse and speciation, within the times of `process`.
        times: the caller's grid on `process`, whose steps are marked.
        collapse: sigma/alpha at the collapse where it was measured (`theory.subset_collapse_ratio`); otherwise it is
            predicted from the spectrum of the training points (`theory.collapse_ratio`).
        draws: noises for each point. queries: of each set at most so many points, the first ones.

    Returns an `AgainstOptimum`: `.summary()` is a paragraph, `.to_dataset()` the numbers over (set, ratio), and
    `plots.against_optimum` draws them. Cost: 2 x queries x draws evaluations of each score at each level.

    Raises ValueError for fewer than 2 points, different shapes, ratios or a collapse that are not positive, and `times`
    without a process.
    """
    check_count("draws", draws)
    given = {name: points for name, points in zip(SETS, (train, held_out)) if points is not None}
    sets = {name: _points(name, points) for name, points in given.items()}
    train = sets["train"]
    if held_out is not None and train.shape[1:] != (held_out := sets["held_out"]).shape[1:]:
        raise ValueError(f"`held_out` must hold points of shape {train.shape[1:]}, but holds {held_out.shape[1:]}.")
    if times is not None and process is None:
        raise ValueError("`times` must come with the `process` whose times they are.")
    marks = _marks(np.asarray(train), collapse)
    nodes = _ratios(ratios, process, marks)
    levels = [_level(process, ratio) for ratio in nodes]
    three = score, Empirical(train), Gaussian.fit(np.asarray(train))
    report = progress or (lambda done, total, stage: None)
    measured = np.empty((len(sets), len(MEASURES), len(nodes)), object)
    for i, level in enumerate(levels):
        report(i, len(levels), f"sigma/alpha = {nodes[i]:.3g}")
        for j, points in enumerate(one[:queries] for one in sets.values()):
            found = _measured(three, points, cast_level(level, points.dtype), jax.random.fold_in(key, j), draws)
            for k, part in enumerate(found):
                measured[j, k, i] = np.asarray(part, np.float64)
    report(len(levels), len(levels), "done")
    steps = np.zeros(0) if times is None else _steps(process, times)
    found = _dataset(measured, nodes, marks, steps)
    known = "predicted by the spectrum" if collapse is None else "measured"
    return AgainstOptimum(found.assign_attrs(n=len(train), d=train[0].size, draws=draws, collapse_is=known))


@eqx.filter_jit
def _measured(three, points: Float[Array, "n *shape"], level: NoiseLevel, key: RandomKey, draws: int):
    """The measures of each point, averaged over its noises."""
    alpha, sigma = level

    def one(query):
        i, j = query // draws, query % draws
        y = points[i]
        z = jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, i), j), y.shape, y.dtype)
        x = alpha * y + sigma * z
        exact = three[1].evaluate(x, level)
        D, E, G = (
            mean.astype(y.dtype) for mean in (three[0].denoise(x, level), exact.mean, three[2].denoise(x, level))
        )
        squares = [jnp.mean((a - b) ** 2) for a, b in ((D, y), (E, y), (G, y), (D, E), (D, G), (E, G))]
        return jnp.stack([*squares, exact.info.leader_weight.astype(y.dtype)])

    found = in_pieces(lambda _, queries: jax.vmap(one)(queries), BATCH, None, jnp.arange(len(points) * draws))
    return found.reshape(-1, draws, len(MEASURES)).mean(axis=1).T


def _dataset(measured, ratios, marks, steps) -> xr.Dataset:
    """Means and standard errors over points, and where the score stops following."""
    column = dict(zip(MEASURES, np.swapaxes(measured, 0, 1)))
    mean = np.vectorize(np.mean, otypes=[float])
    error = np.vectorize(lambda cell: cell.std(ddof=1) / len(cell) ** 0.5, otypes=[float])
    values = {name: mean(column[name]) for name in ("loss", "loss_exact", "loss_gaussian", "leader_weight")}
    for name in ("exact", "gaussian"):
        excess = column["loss"] - column[f"loss_{name}"]
        values |= {f"excess_{name}": mean(excess), f"excess_{name}_error": error(excess)}
        root = np.sqrt(mean(column[f"square_{name}"]))
        spread = error(column[f"square_{name}"]) / np.where(root > 0, 2 * root, 1)
        values |= {f"distance_{name}": root, f"distance_{name}_error": spread}
    values["distance_apart"] = np.sqrt(mean(column["square_apart"]))
    training = [np.stack(column[name][0]) for name in ("square_exact", "square_apart", "loss_exact")]
    variables = {name: (("set", "ratio"), table) for name, table in values.items()}
    variables["departure"] = ("ratio", departures(*(part.mean(axis=1) for part in training)))
    stops = edges(training, ratios)
    variables |= dict(zip(("stops", "stops_low", "stops_high"), stops)) | marks
    variables["step"] = ("steps", steps)
    found = xr.Dataset(variables, {"set": list(SETS[: len(column["loss"])]), "ratio": ratios})
    return described(found, VARIABLES).assign_attrs(diffmem=__version__)


def _points(name, points):
    points = strong(points, float_dtype(points))
    if points.ndim < 2 or len(points) < 2:
        raise ValueError(f"`{name}` must hold at least 2 points (n, *shape), but has shape {points.shape}.")
    check_finite(name, points)
    return points


def _marks(train: np.ndarray, collapse: float | None) -> dict[str, float]:
    """sigma/alpha at collapse, by the spectrum unless it was measured, and at speciation."""
    if collapse is not None and not 0 < collapse < np.inf:
        raise ValueError(f"`collapse` must be a positive sigma/alpha, but is {collapse}.")
    spectrum = theory.spectrum(train)
    predicted = theory.collapse_ratio(len(np.unique(train, axis=0)), spectrum)
    return {
        "collapse": predicted if collapse is None else float(collapse),
        "collapse_by_spectrum": predicted,
        "speciation": theory.speciation_ratio(spectrum),
    }


def _ratios(ratios, process, marks) -> Float[np.ndarray, "ratios"]:
    """Rising levels sigma/alpha: those given, or NODES around the marks."""
    if ratios is not None:
        found = np.unique(np.asarray(read_tensor(ratios), np.float64))
        if not (found.size and 0 < found[0] <= found[-1] < np.inf):
            raise ValueError(f"`ratios` must hold positive finite numbers, but holds {found}.")
        return found
    low, high = marks["collapse"] / 20, 4 * max(marks["speciation"], marks["collapse"])
    if not 0 < low < high < np.inf:
        raise ValueError("`ratios` must be given where all training points are equal, since no default suits them.")
    if process is not None:
        ends = [process.level(t) for t in (process.t_min, process.t_max)]
        (a, s), (b, r) = ((float(alpha), float(sigma)) for alpha, sigma in ends)
        low, high = max(low, s / a), high if b == 0 else min(high, r / b)
    return np.geomspace(low, high, NODES)


def _level(process, ratio) -> NoiseLevel:
    return NoiseLevel(1.0, float(ratio)) if process is None else process.level(process.time_at(float(ratio)))


def _steps(process, times):
    """sigma/alpha of the caller's grid; infinite where there is no signal."""
    alpha, sigma = (np.asarray(part, np.float64) for part in process.level(read_tensor(times)))
    with np.errstate(divide="ignore"):
        return sigma / alpha
