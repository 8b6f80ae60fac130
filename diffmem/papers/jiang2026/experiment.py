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
from ..diffusion_time import level_at
from ..flows import flow_from
from ..measurements import Group, farthest, together
from ..optimisers import cosine_adam

D, WIDTH = 8, 128  # dimensions of the two clusters, and hidden units of each of the two layers
LOW, HIGH, LEVELS = 0.1, 8.0, 18  # sigma: end and start of the flow, and its nodes, equally spaced in the logarithm
MIDDLE = 0.9  # sigma of the second step of two
SHARES = (0.125, 0.25, 0.5, 1.0)  # of the training of a student, at which it is looked at
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
    sample, population = zip(*(feature_distillation(settings, t, key) for t in TIMES))
    values = {"sample_energy": min(sample), "population_energy": farthest(population, 1)}
    curves = {"sample_energy": ("t", list(sample)), "population_energy": ("t", list(population))}
    return values, xr.Dataset(curves, {"t": list(TIMES)})


def feature_distillation(settings: Settings, t: float, key: PRNGKeyArray) -> tuple[float, float]:
    """Distil tanh random features, trained on n points of N(0, I), by one consistency step from t to t/2.

    Teachers of the same features are trained by gradient flow at the times t and t' = t/2 of the Ornstein-Uhlenbeck
    clock. A student at t is fitted by least squares so that its denoiser gives what the denoiser of the teacher at t'
    gives one Euler step of the flow earlier: `D_S(x_t) = D_T'(x_t + (t - t')(x_t + s_T(x_t)))`, over 100 noises of each
    training point. p = psi_p d features, n = psi_n d points.

    Returns the energy `(1/d) sum_k l_k |A q_k|^2/p` of the student over that of its teacher on the n modes q_k of the
    features that the sample makes (rho_1), where memorization is, and on the d largest modes (rho_2), where
    generalization is.
    Source: our own linear reading of Jiang and Zou, arXiv:2604.23552; the model is that of Bonnaire et al.,
    arXiv:2505.17638.
    """
    first_key, point_key, noise_key = jax.random.split(key, 3)
    d, time = settings.linear_d, settings.linear_time
    n, p = settings.psi_n * d, settings.psi_p * d
    normal = lambda key, *shape: np.asarray(jax.random.normal(key, shape), np.float64)  # noqa: E731
    first, points = normal(first_key, p, d), normal(point_key, n, d)
    noise = np.concatenate([normal(jax.random.fold_in(noise_key, 20 * i), 20, n, d) for i in range(5)])
    now, before = (level_at(s) for s in (t, t / 2))
    fit, earlier = (training.fit_random_features(first, points, level) for level in (now, before))
    own, target = (np.asarray(one.flow_score(time).second, np.float64) for one in (fit, earlier))
    features = lambda x: np.tanh(x @ first.T / math.sqrt(d)) / math.sqrt(p)  # noqa: E731
    x = (now.alpha * points + now.sigma * noise).reshape(-1, d)
    f = features(x)
    y = x + t / 2 * (x + f @ own.T)
    clean = (y + before.sigma**2 * features(y) @ target.T) / before.alpha
    wanted = (now.alpha * clean - x) / now.sigma**2
    student = np.linalg.lstsq(f.T @ f, f.T @ wanted, rcond=None)[0].T
    kept, taught = (fit.modes.eigenvalues * ((one @ fit.vectors) ** 2).sum(0) for one in (student, own))
    sample, population = slice(-n - d, -d), slice(-d, None)
    return kept[sample].sum() / taught[sample].sum(), kept[population].sum() / taught[population].sum()


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
    sampled = lambda score, *sigmas: training.few_steps(score, start, sigmas, LOW, key=noise_key)  # noqa: E731
    copied = lambda samples: metrics.memorization(samples, train).fraction  # noqa: E731
    ends = {
        "teacher": flow_ends(teacher, start),
        "one step": sampled(made["consistency"].score, HIGH),
        "two steps": sampled(made["consistency"].score, HIGH, MIDDLE),
        "control": sampled(made["control"].score, HIGH),
    }
    distance, error = zip(*(metrics.energy_distance(end, fresh, key=label_key) for end in ends.values()))
    curves = {
        "copied": ("made_by", [copied(end) for end in ends.values()]),
        "distance": ("made_by", list(distance)),
        "distance_error": ("made_by", list(error)),
        "course": (
            ("learner", "share"),
            [[copied(sampled(run.at(k), HIGH)) for k in range(len(SHARES))] for run in made.values()],
        ),
    }
    return xr.Dataset(curves, {"made_by": list(ends), "learner": list(made), "share": list(SHARES)})


def trained_teacher(train: jax.Array, data_std: float, steps: int, key: PRNGKeyArray) -> scores.Learned:
    """A residual network that is trained long past the time at which it starts to memorize."""
    start_key, fit_key = jax.random.split(key)
    (start,) = residual_networks([WIDTH], D, data_std, keys=[jax.random.fold_in(start_key, 0)], ratios=(LOW, HIGH))
    objective = training.ScoreMatching(training.LogUniform(LOW, HIGH), training.weights.EDM(data_std))
    return training.fit(start, train, objective, key=fit_key, steps=steps, snapshots=1).score


def distilled(teacher, untrained, points, data_std, *, steps, pairs, key) -> dict[str, training.Training]:
    """A consistency function trained in two ways from the same weights: "consistency" and "control".

    `teacher` is a score, `untrained` a `training.ConsistencyFunction` as a score, `points` (n, d) have the deviation
    `data_std`. "consistency": `training.ConsistencyDistillation` on the points along the nodes of the flow. "control":
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
