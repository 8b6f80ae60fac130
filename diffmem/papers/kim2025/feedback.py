"""Posterior feedback along paths: shares of steps with a positive margin, under exact scores and a trained network."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from ...level import NoiseLevel
from ...metrics import detection
from ...scores import Guided, Labelled
from ...studies import label_network
from ...theory import Atoms, posterior_feedback
from ..latent_diffusion import stable_diffusion
from ..measurements import Group

G = 7.5  # guidance weight
PROCESS, TIMES = stable_diffusion()
HIT = 0.5  # distance within which a sample is a copy of a record


def guided(score: Labelled, label: int, weight: ArrayLike) -> Guided:
    """The guided score of a label; the weight is an array, so that all weights share one compilation."""
    return Guided(score.conditioned(label), score.unconditional, jnp.asarray(weight))


def feedback(score: Labelled, counts: np.ndarray, starts: Array) -> Group:
    """Shares of steps with positive margin, by the size of the label and by whether the sample ends on the target.

    The branches are computed in double precision at the states of the path: their gap may be tiny.
    """
    points = np.asarray(score.unconditional.points, np.float64)
    nodes = nodes_of(PROCESS.level(TIMES))
    parts = {}
    for label, count in enumerate(counts):
        first = int(np.sum(counts[:label]))
        law = Atoms(points, np.full(len(points), 1 / len(points)), first)
        own = Atoms(points[first : first + count], np.full(count, 1 / count), 0)
        found = detection.measured_along(_state, guided(score, label, G), starts, PROCESS, TIMES, jax.random.key(0))
        states = np.asarray(found, np.float64)
        reached = np.linalg.norm(states[-1] - points[first][None], axis=1) < HIT
        branches = (np.stack([one.mean(x, level) for x, level in zip(states, nodes[:-1])]) for one in (own, law))
        positive, counted = margins(law, states, *branches, nodes)
        parts.setdefault(int(count), []).append((positive, counted, np.broadcast_to(reached, positive.shape)))
    rows = []
    for part in parts.values():
        positive, counted, reached = np.concatenate(part, axis=-1)
        chosen = counted, counted & reached, counted & ~reached
        rows.append([positive[mask].mean() if mask.any() else np.nan for mask in chosen])
    table = xr.DataArray(rows, coords={"size": list(parts), "samples": ["all", "on target", "elsewhere"]})
    values = {f"feedback_{size}": table.sel(size=size, samples="all") for size in (1, 2, 16) if size in parts}
    several = table.sel(size=table["size"] > 1)
    on, off = several.sel(samples="on target").min(), several.sel(samples="elsewhere").max()
    return values | {"feedback_on": on, "feedback_off": off}, xr.Dataset({"positive_margin": table})


def nodes_of(levels: NoiseLevel) -> list[NoiseLevel]:
    """The levels of a grid, one by one."""
    return [NoiseLevel(float(alpha), float(sigma)) for alpha, sigma in zip(*levels)]


def margins(law: Atoms, states, conditional, unconditional, nodes: list[NoiseLevel]) -> tuple[np.ndarray, np.ndarray]:
    """Which steps (steps, count) have a positive margin, and which have anything to decide, by the states (nodes,
    count, d) of a path and the denoised points of both branches there; the last step, to no noise, is left out.
    """
    steps = zip(states, conditional, unconditional, nodes[:-2], nodes[1:-1])
    found = [posterior_feedback(law, x, c, u, G, now, after) for x, c, u, now, after in steps]
    return np.array([one.margin > 0 for one in found]), np.array([one.undecided for one in found])


def learned_feedback(noises: int, steps: int, key: PRNGKeyArray) -> Group:
    """The same under a network of `steps` of training, for labels of one record and of many, `noises` starts each."""
    first, second, third = jax.random.split(key, 3)
    data = label_network.labelled_records(key=first)
    network = label_network.train_label_network(data, key=second, steps=steps).score
    process, times = label_network.log_snr_grid()
    starts = jax.random.normal(third, (noises, data.points.shape[1]))
    points, rows, weights = np.unique(np.asarray(data.points), axis=0, return_inverse=True, return_counts=True)
    each = len(rows) // data.label_count
    parts = {"one record": [], "many records": []}
    for label in range(data.label_count):
        score = Guided(network.conditioned(jnp.asarray(label)), network, jnp.asarray(G))
        path = detection.measured_along(_branches, score, starts, process, times, jax.random.key(0))
        law = Atoms(points.astype(np.float64), weights / weights.sum(), int(np.ravel(rows)[each * label]))
        states = (np.asarray(part, np.float64) for part in path)
        kind = "one record" if label < data.memorized else "many records"
        parts[kind].append(margins(law, *states, nodes_of(process.level(times))))
    means = []
    for part in parts.values():
        positive, counted = np.concatenate(part, axis=-1)
        means.append(positive[counted].mean())
    curves = xr.Dataset({"learned_margin": ("kind", means)}, {"kind": list(parts)})
    return {"feedback_learned": means[0] - means[1]}, curves


def _state(x, level, branches):
    return x


def _branches(x, level, branches):
    return x, branches.conditional.mean, branches.unconditional.mean
