"""First guided estimates, decomposed paths, posterior feedback and delayed guidance of labels of few records."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from ...level import NoiseLevel
from ...metrics import detection
from ...scores import Empirical, GuidanceInterval, Guided, Labelled
from ...scores.combined import Weight
from ...studies import label_network
from ...studies.concept_prompts import copied, drawn
from ...theory import Atoms, posterior_feedback
from ..base import Results
from ..latent_diffusion import stable_diffusion
from ..measurements import Group, together

G = 7.5  # guidance weight
PROCESS, TIMES = stable_diffusion()
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


def guided(score: Labelled, label: int, weight: Weight) -> Guided:
    """The guided score of a label; where the weight is an array, all weights share one compilation."""
    return Guided(score.conditioned(label), score.unconditional, weight)


def first_estimate(points: np.ndarray, starts: np.ndarray) -> Group:
    """The coefficient along x* - mu of the first guided estimate of the four labels of one record."""
    level = NoiseLevel(*map(float, PROCESS.level(TIMES[0])))
    mean, squared = points.mean(axis=0), np.linalg.matrix_power(np.cov(points.T, bias=True), 2)
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
    targets, weights = score.unconditional.points[np.cumsum(counts) - counts], [1.0, 3.0, G]
    rows = np.empty((3, len(weights), len(counts)))
    for i, label in np.ndindex(rows.shape[1:]):
        one, target = guided(score, label, jnp.asarray(weights[i])), targets[label]
        parts = detection.decomposed(one, starts, PROCESS, TIMES, key, target=target)
        hit = copied(drawn(one, starts, PROCESS, TIMES), target)
        rows[:, i, label] = parts.excess.mean(), parts.deficit.mean(), hit.mean()
    curves = {name: (("guidance", "label"), row) for name, row in zip(("excess", "deficit", "hit"), rows)}
    coords = {"guidance": weights, "label": np.arange(len(counts))}
    found = xr.Dataset(curves | {"records": ("label", counts)}, coords)
    values = {"excess_grows": np.diff(rows[0][:, counts == 1], axis=0).min()}
    if len(set(counts)) > 2:
        plain, _, strong = xr.corr(found.excess, found.hit, "label")
        deficit = xr.corr(found.deficit, found.hit, "label").sel(guidance=[1.0, G]).min()
        values |= {"excess_plain": plain, "excess_guided": strong, "deficit": deficit}
    return values, found


def feedback(score: Labelled, counts: np.ndarray, starts: Array) -> Group:
    """Shares of steps with positive margin, by the size of the label and by whether the sample ends on the target.

    The branches are computed in double precision at the states of the path: their gap may be tiny.
    """
    points, levels = np.asarray(score.unconditional.points, np.float64), list(map(NoiseLevel, *PROCESS.level(TIMES)))
    margins, ends = [], []
    for label, (first, count) in enumerate(zip(np.cumsum(counts) - counts, counts)):
        law = Atoms(points, np.full(len(points), 1 / len(points)), first)
        own = Atoms(points[first : first + count], np.full(count, 1 / count), 0)
        one = guided(score, label, jnp.asarray(G))
        states, *_ = detection.measured_along(_branches, one, starts, PROCESS, TIMES, jax.random.key(0))
        states = np.asarray(states, np.float64)
        branches = ([part.mean(x, level) for x, level in zip(states, levels[:-1])] for part in (own, law))
        margins.append(positive_margins(law, states, *branches, levels))
        ends.append(copied(states[-1], points[first]))
    found = xr.DataArray(margins, {"size": ("label", counts)}, ("label", "step", "start"))
    reached = xr.DataArray(ends, dims=("label", "start"))
    parts = {"all": found, "on target": found.where(reached), "elsewhere": found.where(~reached)}
    means = [part.groupby("size").mean(...) for part in parts.values()]
    table = xr.concat(means, xr.IndexVariable("samples", list(parts))).transpose("size", "samples")
    values = {f"feedback_{size}": table.sel(size=size, samples="all") for size in (1, 2, 16) if size in table["size"]}
    several = table.sel(size=table["size"] > 1)
    on, off = several.sel(samples="on target").min(), several.sel(samples="elsewhere").max()
    return values | {"feedback_on": on, "feedback_off": off}, xr.Dataset({"positive_margin": table})


def positive_margins(law: Atoms, states, conditional, unconditional, levels: list[NoiseLevel]) -> np.ndarray:
    """Which steps (steps, count) of paths have a positive margin: 1 or 0, and NaN where nothing is left to decide.

    By the states (nodes, count, d) and the denoised points of both branches there; the last step, to no noise, is left
    out.
    """
    steps = zip(states, conditional, unconditional, levels[:-2], levels[1:-1])
    found = [posterior_feedback(law, x, c, u, G, now, after) for x, c, u, now, after in steps]
    return np.array([np.where(one.undecided, one.margin > 0, np.nan) for one in found])


def learned_feedback(noises: int, steps: int, key: PRNGKeyArray) -> Group:
    """Posterior feedback of a network after `steps` of training, for labels of one record and of many."""
    first, second, third = jax.random.split(key, 3)
    data = label_network.labelled_records(key=first)
    network = label_network.train_label_network(data, key=second, steps=steps).score
    process, times = label_network.log_snr_grid()
    levels = list(map(NoiseLevel, *process.level(times)))
    starts = jax.random.normal(third, (noises, data.points.shape[1]))
    points, rows, weights = np.unique(np.asarray(data.points), axis=0, return_inverse=True, return_counts=True)
    each = len(rows) // data.label_count
    margins = []
    for label in range(data.label_count):
        score = Guided(network.conditioned(jnp.asarray(label)), network, jnp.asarray(G))
        path = detection.measured_along(_branches, score, starts, process, times, jax.random.key(0))
        law = Atoms(points.astype(np.float64), weights / weights.sum(), int(np.ravel(rows)[each * label]))
        margins.append(positive_margins(law, *np.asarray(path, np.float64), levels))
    means = [np.nanmean(part) for part in np.split(np.array(margins), [data.memorized])]
    curves = xr.Dataset({"learned_margin": ("kind", means)}, {"kind": ["one record", "many records"]})
    return {"feedback_learned": means[0] - means[1]}, curves


def _branches(x, level, branches):
    return x, branches.conditional.mean, branches.unconditional.mean


def delayed_guidance(points: Array, count: int, key: PRNGKeyArray) -> Group:
    """Four labels whose first atom is half of their records: guidance from a later step only; `count` starts in all."""
    labels, place = np.divmod(np.arange(len(points)), OTHERS + 1)
    weights = np.where((labels < EACH) & (place == 0), COPIES, 1.0)
    score = Labelled(Empirical(points, weights), np.minimum(labels, EACH), 0)
    atoms = np.asarray(points[: EACH * (OTHERS + 1)]).reshape(EACH, 1, OTHERS + 1, -1)
    starts = jax.random.normal(key, (EACH, count // EACH, points.shape[1]))

    def shares(weight):
        """Of samples that are copies of the first atom of their label, and that end on an atom of it."""
        ends = [drawn(guided(score, label, weight), starts[label], PROCESS, TIMES) for label in range(EACH)]
        near = copied(np.stack(ends)[:, :, None], atoms)
        return near[..., 0].mean(), near.any(axis=-1).mean()

    level = PROCESS.level(TIMES)
    ratio = np.asarray(level.sigma / level.alpha)
    begins = {delay: np.inf if delay == 0 else np.sqrt(ratio[delay - 1] * ratio[delay]) for delay in (*DELAYS, LATE)}
    outside = {"unconditional": 0.0, "conditional": 1.0}
    guidance = [[[G, 0.0, high, weight] for high in begins.values()] for weight in outside.values()]
    found = np.array([[shares(GuidanceInterval(*map(jnp.asarray, one))) for one in row] for row in guidance])
    curves = {name: (("before", "delay"), found[..., i]) for i, name in enumerate(("delayed_hit", "on_label"))}
    main, late, (plain, _) = found[0, :-1, 0], found[1, -1, 0], shares(jnp.asarray(1.0))
    values = {
        "delay_rises": np.max(np.diff(main) / deviation(main[:-1], main[1:], count)),
        "delay_drop": main[0] - main[-1],
        "delay_below_prior": main[-1] - COPIES / (COPIES + OTHERS),
        "delay_conditional": abs(late - plain) / deviation(late, plain, count),
        "delay_on_label": found[0, :-1, 1].min(),
    }
    return values, xr.Dataset(curves, {"before": list(outside), "delay": list(begins)})


def deviation(p: Float[ArrayLike, "..."], q: Float[ArrayLike, "..."], count: int) -> Float[ArrayLike, "..."]:
    """Standard error of the difference of two shares of `count` samples each."""
    return np.sqrt((p * (1 - p) + q * (1 - q)) / count)
