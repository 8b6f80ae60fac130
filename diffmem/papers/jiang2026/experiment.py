"""What one-step students copy of exact and trained teachers, and what a linear student keeps of its teacher."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, PRNGKeyArray

from ... import metrics, networks, scores, training
from ...processes import EDM
from ...studies.network_courses import residual_networks
from ..base import Results
from ..flows import flow_from
from ..measurements import Group, farthest, share, together
from ..optimisers import cosine_adam
from .linear_student import feature_distillation

D, WIDTH = 8, 128  # dimensions of the two clusters, and hidden units of each of the two layers
LOW, HIGH, LEVELS = 0.1, 8.0, 18  # sigma: end and start of the flow, and its nodes, equally spaced in the logarithm
MIDDLE = 0.9  # sigma of the second step of two
SHARES = (0.125, 0.25, 0.5, 1.0)  # of the training of a student, at which it is looked at
JUDGED = ("copied", "copied_error", "distance", "distance_error")
TIMES = (0.1, 0.01)  # of the Ornstein-Uhlenbeck clock, of the linear students


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    linear_d: int = 25  # of the random features
    psi_p: int = 32  # p/d of the random features
    psi_n: int = 4  # n/d of the random features
    linear_time: float = 1e6  # training time of their teacher
    networks: bool = True  # both teachers and their students as well
    n: int = 32  # training points of a teacher
    teacher_steps: int = 9000
    exact_steps: int = 5000  # of the student of the exact score
    trained_steps: int = 6000  # of the student of the trained teacher
    pairs: int = 16_384  # starts and ends of the flow, of the control
    samples: int = 1000
    fresh: int = 2000  # points of the law, with which samples are compared


FULL = Settings()
SMOKE = Settings(networks=False)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """The linear students; then, if asked for, both teachers and their students."""
    linear_key, *keys = jax.random.split(key, 3)
    found = [linear_students(settings, linear_key)]
    if settings.networks:
        found.append(students(settings, keys))
    return together(*found)


def linear_students(settings: Settings, key: PRNGKeyArray) -> Group:
    """The energies of a linear student on the modes of the sample and of the population, over its teacher's."""
    sizes = {"d": settings.linear_d, "psi_p": settings.psi_p, "psi_n": settings.psi_n}
    found = [feature_distillation(t, settings.linear_time, **sizes, key=key) for t in TIMES]
    sample, population = (list(row) for row in zip(*found))
    values = {"sample_energy": min(sample), "population_energy": farthest(population, 1)}
    curves = {"sample_energy": ("t", sample), "population_energy": ("t", population)}
    return values, xr.Dataset(curves, {"t": list(TIMES)})


def students(settings: Settings, keys: Sequence[PRNGKeyArray]) -> Group:
    """Copies and distances of students over those of their teachers and of the controls."""
    steps = {"exact": settings.exact_steps, "trained": settings.trained_steps}
    each = [followed(kind, steps[kind], settings, own) for kind, own in zip(steps, keys)]
    found = xr.concat(each, xr.IndexVariable("teacher", list(steps)))
    teacher, student, control = (found.sel(made_by=name) for name in ("teacher", "one step", "control"))
    values = {
        f"{kind}_{name}": (student[name] / teacher[name]).sel(teacher=kind)
        for kind in steps
        for name in ("copied", "distance")
    }
    values["control_copied"] = (control.copied / teacher.copied).max()
    values["beside_control"] = (student.copied / control.copied).max()
    return values, found


def followed(kind: str, steps: int, settings: Settings, key: PRNGKeyArray) -> xr.Dataset:
    """One teacher with its student and control: what each copies and how far it is from the law."""
    data_key, fresh_key, teacher_key, student_key, start_key, noise_key, label_key = jax.random.split(key, 7)
    law = scores.GaussianMixture.two_clusters(jnp.ones(D))
    train, fresh = law.draw(settings.n, key=data_key), law.draw(settings.fresh, key=fresh_key)
    data_std = float(np.std(np.asarray(fresh)))
    if kind == "exact":
        teacher, network = scores.Empirical(train), networks.ResidualMLP(D, WIDTH, key=teacher_key)
    else:
        teacher = trained_teacher(train, data_std, settings.teacher_steps, teacher_key)
        network = teacher.network
    untrained = scores.FromFunction(training.ConsistencyFunction(network, data_std, LOW))
    made = distilled(teacher, untrained, train, data_std, steps=steps, pairs=settings.pairs, key=student_key)
    start = math.hypot(HIGH, data_std) * jax.random.normal(start_key, (settings.samples, D))

    def one_step(score, sigmas=(HIGH,)):
        return training.few_steps(score, start, sigmas, LOW, key=noise_key)

    ends = {
        "teacher": flow_ends(teacher, start),
        "one step": one_step(made["consistency"].score),
        "two steps": one_step(made["consistency"].score, (HIGH, MIDDLE)),
        "control": one_step(made["control"].score),
    }
    rows = [judged(end, train, fresh, label_key) for end in ends.values()]
    curves = {name: ("made_by", list(column)) for name, column in zip(JUDGED, zip(*rows))}
    course = [
        [metrics.memorization(one_step(run.at(k)), train).fraction for k in range(len(SHARES))] for run in made.values()
    ]
    axes = {"made_by": list(ends), "learner": list(made), "share": list(SHARES)}
    return xr.Dataset(curves | {"course": (("learner", "share"), course)}, axes)


def trained_teacher(train: jax.Array, data_std: float, steps: int, key: PRNGKeyArray) -> scores.Learned:
    """A residual network that is trained long past the time at which it starts to memorize."""
    start_key, fit_key = jax.random.split(key)
    (start,) = residual_networks([WIDTH], D, data_std, keys=[jax.random.fold_in(start_key, 0)], ratios=(LOW, HIGH))
    objective = training.ScoreMatching(training.LogUniform(LOW, HIGH), training.weights.EDM(data_std))
    return training.fit(start, train, objective, key=fit_key, steps=steps, snapshots=1).score


def distilled(
    teacher: scores.AbstractScore,
    untrained: scores.FromFunction,
    points: Float[Array, "n d"],
    data_std: float,
    *,
    steps: int,
    pairs: int,
    key: PRNGKeyArray,
) -> dict[str, training.Training]:
    """A consistency function trained in two ways from the same weights: "consistency" and "control".

    "consistency": `training.ConsistencyDistillation` on `points` along the nodes of the flow. "control":
    `training.EndPointRegression` on `pairs` of starts N(0, (HIGH^2 + data_std^2) I) and ends of the teacher's flow.

    Source: our reading of Jiang and Zou, arXiv:2604.23552.
    """
    start_key, first, second = jax.random.split(key, 3)
    ratio = (LOW / HIGH) ** (1 / (LEVELS - 1))
    sigmas = LOW / ratio ** jnp.arange(1, LEVELS, dtype=points.dtype)
    distil = training.ConsistencyDistillation(teacher, training.Fixed(1.0, sigmas), ratio, LOW)
    starts = math.hypot(HIGH, data_std) * jax.random.normal(start_key, (pairs, points.shape[1]), points.dtype)
    regress = training.EndPointRegression(training.Fixed(1.0, HIGH))
    seen = [round(part * steps) for part in SHARES]
    options = {"steps": steps, "optimiser": cosine_adam(1e-3, steps), "snapshots": seen}
    return {
        "consistency": training.fit(untrained, points, distil, key=first, **options),
        "control": training.fit(untrained, (starts, flow_ends(teacher, starts)), regress, key=second, **options),
    }


def flow_ends(teacher: scores.AbstractScore, start: Float[Array, "count d"]) -> Float[Array, "count d"]:
    """States at sigma = LOW of a teacher's flow, by Heun's method on its nodes, from states at HIGH."""
    times = HIGH * (LOW / HIGH) ** (np.arange(LEVELS) / (LEVELS - 1))
    return flow_from(start, teacher, EDM(LOW, HIGH), jnp.asarray(times, start.dtype)).points


def judged(ends: jax.Array, train: jax.Array, fresh: jax.Array, key: PRNGKeyArray) -> tuple[float, ...]:
    """Copies of the training points, and energy distance to points of the law, each with its standard error."""
    copied = share(metrics.memorization(ends, train).fraction, len(ends))
    return *copied, *map(float, metrics.energy_distance(ends, fresh, key=key))
