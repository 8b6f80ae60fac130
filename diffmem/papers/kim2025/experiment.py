"""First guided estimates, decomposed paths, posterior feedback and delayed guidance of labels of few records."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ...integrators import DDIM, sample
from ...level import NoiseLevel
from ...metrics import detection, nearest
from ...scores import Empirical, GuidanceInterval, Guided, Labelled
from ...theory import Atoms
from ..base import Results
from ..measurements import Group, together
from .feedback import HIT, PROCESS, TIMES, G, feedback, guided, learned_feedback

EACH = 4  # labels of each size
COPIES, OTHERS = 5, 5  # records of a label of delayed guidance: of one atom, and different ones
DELAYS = (0, 5, 10, 15, 20, 30)  # steps before guidance begins, of the claims
LATE = 40  # and where the conditional score runs before it


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    n: int = 200  # records
    d: int = 32
    sizes: tuple[int, ...] = (1, 2, 4, 8, 16)  # records of a label, four labels of each size
    noises: int = 64  # starts of each label
    delayed: int = 600  # starts of the labels with delayed guidance, together
    network_steps: int = 4000  # of the training of a network with labels; 0 for none


FULL = Settings()
SMOKE = Settings(sizes=(1, 2), noises=50, delayed=200, network_steps=0)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Exact scores of random records, and a trained network at the full scale."""
    keys = jax.random.split(key, 5)
    points = jax.random.normal(keys[0], (settings.n, settings.d))
    counts = np.repeat(settings.sizes, EACH)
    labels = np.repeat(np.arange(len(counts) + 1), [*counts, settings.n - counts.sum()])
    score = Labelled(Empirical(points), labels, 0)
    starts = jax.random.normal(keys[1], (settings.noises, settings.d))
    groups = [
        first_estimate(np.asarray(points, np.float64), np.asarray(starts)),
        decomposed_paths(score, counts, starts, keys[2]),
        feedback(score, counts, starts),
        delayed_guidance(points, settings.delayed, keys[3]),
    ]
    if settings.network_steps:
        groups.append(learned_feedback(settings.noises, settings.network_steps, keys[4]))
    return together(*groups)


def first_estimate(points: np.ndarray, starts: np.ndarray) -> Group:
    """The coefficient along x* - mu of the first guided estimate of the four labels of one record."""
    level = NoiseLevel(*(float(part) for part in PROCESS.level(TIMES[0])))
    mean, squared = points.mean(axis=0), np.cov(points.T, bias=True) @ np.cov(points.T, bias=True)
    base = Atoms(points, np.full(len(points), 1 / len(points)), 0).mean(starts, level)
    coefficients, spreads = [], []
    for target in points[:EACH]:
        v = target - mean
        coefficients.append((base + G * (target[None] - base) - mean[None]) @ v / (v @ v))
        law = (G - 1) * level.alpha / level.sigma**2 * np.sqrt(v @ squared @ v) / (v @ v)
        spreads.append(coefficients[-1].std(ddof=1) / law)
    values = {"coefficient": np.mean(coefficients) / G, "spread": np.mean(spreads)}
    return values, xr.Dataset({"coefficient": (("label_of_one", "start"), np.array(coefficients))})


def decomposed_paths(score: Labelled, counts: np.ndarray, starts: Array, key: PRNGKeyArray) -> Group:
    """D1 and D2 of each label's first record against the share of samples that are its copies."""
    found = xr.Dataset(coords={"guidance": [1.0, 3.0, G], "label": np.arange(len(counts))})
    numbers = np.empty((3, 3, len(counts)))
    for j in range(len(counts)):
        target = score.unconditional.points[int(np.sum(counts[:j]))]
        for i, weight in enumerate(found.guidance.values):
            one = guided(score, j, weight)
            parts = detection.decomposed(one, starts, PROCESS, TIMES, key, target=target)
            ends = ends_of(one, starts)
            hit = np.linalg.norm(ends - np.asarray(target)[None], axis=1) < HIT
            numbers[:, i, j] = parts.excess.mean(), parts.deficit.mean(), hit.mean()
    dims = ("guidance", "label")
    found = found.assign(excess=(dims, numbers[0]), deficit=(dims, numbers[1]), hit=(dims, numbers[2]))
    found = found.assign(records=("label", counts))
    correlation = [[np.corrcoef(part[i], numbers[2, i])[0, 1] for i in (0, 2)] for part in numbers[:2]]
    rises = np.diff(numbers[0][:, counts == 1], axis=0)
    values = {"excess_grows": rises.min()}
    if len(set(counts)) > 2:
        values |= {
            "excess_plain": correlation[0][0],
            "excess_guided": correlation[0][1],
            "deficit": min(correlation[1]),
        }
    return values, found


def ends_of(score: Guided, starts: Array) -> np.ndarray:
    """The samples that start here."""
    shape, count = starts.shape[1:], len(starts)
    return np.asarray(sample(score, PROCESS, DDIM(), TIMES, shape, count, key=jax.random.key(0), start=starts).points)


def delayed_guidance(points: Array, count: int, key: PRNGKeyArray) -> Group:
    """Four labels whose first atom is half of their records: guidance from a later step only; `count` starts in all."""
    atoms = np.asarray(points[: EACH * (OTHERS + 1)]).reshape(EACH, OTHERS + 1, -1)
    names = np.repeat(np.arange(EACH + 1), [OTHERS + 1] * EACH + [len(points) - EACH * (OTHERS + 1)])
    records = jnp.concatenate([points, jnp.repeat(points[:: OTHERS + 1][:EACH], COPIES - 1, axis=0)])
    labels = np.concatenate([names, np.repeat(np.arange(EACH), COPIES - 1)])
    score = Labelled(Empirical(records), labels, 0)
    starts = jax.random.normal(key, (EACH, count // EACH, points.shape[1]))

    def shares(weight):
        """Of samples that are copies of the first atom of their label, and that end on an atom of it."""
        one = lambda label: Guided(score.conditioned(label), score.unconditional, weight)  # noqa: E731
        found = [nearest(ends_of(one(label), starts[label]), atoms[label]) for label in range(EACH)]
        distance, index = (np.concatenate([getattr(part, name)[:, 0] for part in found]) for name in found[0]._fields)
        return ((distance < HIT) & (index == 0)).mean(), (distance < HIT).mean()

    ratio = np.asarray(PROCESS.level(TIMES).sigma / PROCESS.level(TIMES).alpha)
    begins = {delay: np.inf if delay == 0 else np.sqrt(ratio[delay - 1] * ratio[delay]) for delay in (*DELAYS, LATE)}
    outside = {"unconditional": 0.0, "conditional": 1.0}
    weights = [[[G, 0.0, high, weight] for high in begins.values()] for weight in outside.values()]
    found = np.array([[shares(GuidanceInterval(*map(jnp.asarray, one))) for one in row] for row in weights])
    dims = ("before", "delay")
    curves = xr.Dataset(
        {"delayed_hit": (dims, found[..., 0]), "on_label": (dims, found[..., 1])},
        {"before": list(outside), "delay": list(begins)},
    )
    main, late, (plain, _) = found[0, :-1, 0], found[1, -1, 0], shares(jnp.asarray(1.0))
    values = {
        "delay_rises": np.max(np.diff(main) / deviation(main[:-1], main[1:], count)),
        "delay_drop": main[0] - main[-1],
        "delay_below_prior": main[-1] - COPIES / (COPIES + OTHERS),
        "delay_conditional": abs(late - plain) / deviation(late, plain, count),
        "delay_on_label": found[0, :-1, 1].min(),
    }
    return values, curves


def deviation(p: ArrayLike, q: ArrayLike, count: int) -> Float[ArrayLike, "..."]:
    """Standard error of the difference of two shares of `count` samples each."""
    return np.sqrt((np.multiply(p, np.subtract(1, p)) + np.multiply(q, np.subtract(1, q))) / count)
