"""Jiang and Zou on distillation: does a consistency student copy what its teacher has memorized?"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import metrics, networks, scores, training
from ..plots import style
from ..studies import distilled, feature_distillation, flow_ends, residual_networks
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale

D, N, WIDTH = 8, 32, 128  # dimensions, training points, hidden units of each of the two layers
LOW, HIGH, LEVELS = 0.1, 8.0, 18  # sigma: end and start of the flow, and its nodes, equally spaced in the logarithm
MIDDLE = 0.9  # sigma of the second step of two
TEACHER_STEPS = 9000
STUDENT_STEPS = {"exact": 5000, "trained": 6000}
SHARES = (0.125, 0.25, 0.5, 1.0)  # of the training of a student, at which it is looked at
PAIRS, SAMPLES, FRESH = 16384, 1000, 2000  # of the control; generated; of the law, to compare with
SPECTRAL = (25, 32, 4, 1e6)  # d, p/d, n/d and training time of the teacher
TIMES = (0.1, 0.01)  # of the Ornstein-Uhlenbeck clock
METHODS = ("teacher", "one step", "two steps", "control")

VARIABLES = {
    "teacher": ("what the teacher is: the exact score of its points, or a trained network", ""),
    "made_by": ("how samples are made", ""),
    "learner": ("how the one-step map was trained", ""),
    "share": ("share of the student's training", "1"),
    "copied": ("share of samples that are copies, d1/d2 < 1/3", "1"),
    "copied_error": ("its standard error", "1"),
    "distance": ("energy distance of samples to fresh points of the law", "data units"),
    "distance_error": ("its standard error", "data units"),
    "course": ("share of copies in one step in the course of a student's training", "1"),
    "t": ("diffusion time of the random features", "1"),
    "sample_energy": ("energy of the student on the modes of the sample over the teacher's", "1"),
    "population_energy": ("energy of the student on the modes of the population over the teacher's", "1"),
}


def law() -> scores.GaussianMixture:
    """Two unit Gaussians at +-(1, ..., 1)."""
    centre = jnp.ones((1, D))
    return scores.GaussianMixture(jnp.ones(2), jnp.concatenate([centre, -centre]), jnp.ones(2))


def trained_teacher(train: jax.Array, data_std: float, key) -> scores.Learned:
    """A residual network long past the time at which it starts to memorize."""
    start_key, fit_key = jax.random.split(key)
    (start,) = residual_networks([WIDTH], D, data_std, keys=[jax.random.fold_in(start_key, 0)], ratios=(LOW, HIGH))
    objective = training.ScoreMatching(training.LogUniform(LOW, HIGH), training.weights.EDM(data_std))
    return training.fit(start, train, objective, key=fit_key, steps=TEACHER_STEPS, snapshots=1).score


def judged(ends: jax.Array, train: jax.Array, fresh: jax.Array, key) -> dict[str, float]:
    """Copies of the training points, and energy distance to points of the law."""
    copied = metrics.memorization(ends, train).fraction
    distance = metrics.energy_distance(ends, fresh, key=key, relabellings=1)
    return {
        "copied": copied,
        "copied_error": math.sqrt(copied * (1 - copied) / len(ends)),
        "distance": float(distance.value),
        "distance_error": float(distance.error),
    }


def followed(kind: str, key) -> xr.Dataset:
    """One teacher with its student and control: what each copies and how far it is from the law."""
    data_key, fresh_key, teacher_key, student_key, start_key, noise_key, label_key = jax.random.split(key, 7)
    train, fresh = law().draw(N, key=data_key), law().draw(FRESH, key=fresh_key)
    data_std = float(np.std(np.asarray(fresh)))
    if kind == "exact":
        teacher, network = scores.Empirical(train), networks.ResidualMLP(D, WIDTH, key=teacher_key)
    else:
        teacher = trained_teacher(train, data_std, teacher_key)
        network = teacher.network
    steps = STUDENT_STEPS[kind]
    seen = [round(share * steps) for share in SHARES]
    made = distilled(
        teacher,
        network,
        train,
        (LOW, HIGH, LEVELS),
        data_std,
        steps=steps,
        pairs=PAIRS,
        snapshots=seen,
        key=student_key,
    )
    start = math.hypot(HIGH, data_std) * jax.random.normal(start_key, (SAMPLES, D))
    step = lambda score, sigmas=(HIGH,): training.few_steps(score, start, sigmas, LOW, key=noise_key)  # noqa: E731
    ends = {
        "teacher": flow_ends(teacher, start, (LOW, HIGH, LEVELS)),
        "one step": step(made["consistency"].score),
        "two steps": step(made["consistency"].score, (HIGH, MIDDLE)),
        "control": step(made["control"].score),
    }
    rows = [judged(ends[method], train, fresh, label_key) for method in METHODS]
    course = [
        [metrics.memorization(step(run.at(k)), train).fraction for k in range(len(SHARES))] for run in made.values()
    ]
    curves = {name: ("made_by", [row[name] for row in rows]) for name in rows[0]}
    return xr.Dataset(
        curves | {"course": (("learner", "share"), course)},
        {"made_by": list(METHODS), "learner": list(made), "share": list(SHARES)},
    )


def spectral(key) -> xr.Dataset:
    """The energies of a linear student on the modes of the sample and of the population, over its teacher's."""
    d, psi_p, psi_n, time = SPECTRAL
    found = [feature_distillation(t, time, d=d, psi_p=psi_p, psi_n=psi_n, key=key) for t in TIMES]
    curves = {name: ("t", [getattr(one, name) for one in found]) for name in ("sample_energy", "population_energy")}
    return xr.Dataset(curves, {"t": list(TIMES)})


def run(scale: Scale, key) -> Results:
    """The linear model; at full scale both teachers and their students."""
    spectral_key, *keys = jax.random.split(key, 3)
    linear = spectral(spectral_key)
    measured = {
        "sample_energy": float(linear.sample_energy.min()),
        "population_energy": float(max(linear.population_energy.values, key=lambda value: abs(value - 1))),
    }
    if scale == "smoke":  # networks take longer to compile than a smoke run may take
        return Results(as_measured(measured), described(linear, VARIABLES))
    kinds = tuple(STUDENT_STEPS)
    found = xr.concat([followed(kind, own) for kind, own in zip(kinds, keys)], dim="teacher")
    found = found.assign_coords(teacher=list(kinds))
    for kind in kinds:
        one = found.sel(teacher=kind)
        copied, distance = (
            one[name].sel(made_by="one step") / one[name].sel(made_by="teacher") for name in ("copied", "distance")
        )
        measured |= {f"{kind}_copied": float(copied), f"{kind}_distance": float(distance)}
    copied = found.copied
    control = copied.sel(made_by="control")
    measured["control_copied"] = float((control / copied.sel(made_by="teacher")).max())
    measured["beside_control"] = float((copied.sel(made_by="one step") / control).max())
    return Results(as_measured(measured), described(found.merge(linear), VARIABLES))


def as_measured(values: dict[str, float]) -> dict[str, Measurement]:
    """Numbers without an error of their own."""
    return {name: Measurement(value) for name, value in values.items()}


def draw(results: Results) -> Figure:
    """Copies in the course of distillation, the distance to the law, and the energies of the linear model."""
    found = results.curves
    count = 3 if "copied" in found else 1
    figure = style.new_figure(0.6 + 2.9 * count, 3.0)
    axes = figure.subplots(1, count, squeeze=False)[0]
    for ax in axes:
        style.dress(ax)
    if count == 3:
        draw_networks(found, *axes[:2])
    place = np.arange(len(found.t))
    for i, (name, text) in enumerate((("sample_energy", "modes of the sample"), ("population_energy", "population"))):
        axes[-1].bar(place + 0.35 * (i - 0.5), found[name], 0.33, color=style.COLOURS[i], label=text)
    axes[-1].axhline(1, color=style.MARK_COLOUR, linewidth=0.8, linestyle="--")
    axes[-1].set_xticks(place, [f"t = {t:g}" for t in found.t.values])
    axes[-1].set(xlabel="random features", ylabel="energy, student over teacher (1)", ylim=(0, 1.5))
    for ax in axes:
        style.legend(ax)
    return figure


def draw_networks(found: xr.Dataset, left, right) -> None:
    """Copies of students and controls in the course of training, and distances to the law."""
    for i, kind in enumerate(found.teacher.values):
        one, look = found.sel(teacher=kind), {"color": style.COLOURS[i], "markersize": 4}
        teacher = float(one.copied.sel(made_by="teacher"))
        left.axhline(teacher, color=look["color"], linestyle=":", label=f"{kind} teacher itself")
        for learner, line, marker in (("consistency", "-", "o"), ("control", "--", "s")):
            curve = one["course"].sel(learner=learner)
            left.plot(found.share, curve, linestyle=line, marker=marker, label=f"{learner}, {kind} teacher", **look)
    left.set(xlabel="share of the student's training", ylabel="copies in one step (1)")
    left.set_yscale("symlog", linthresh=0.02)
    left.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01", "0.1", "1"])
    left.set(ylim=(0, 300))
    place = np.arange(len(METHODS))
    for i, kind in enumerate(found.teacher.values):
        one = found.sel(teacher=kind)
        right.bar(
            place + 0.35 * (i - 0.5),
            one.distance,
            0.33,
            yerr=one.distance_error,
            color=style.COLOURS[i],
            label=f"{kind} teacher",
        )
    right.set_xticks(place, METHODS, fontsize=style.SMALL)
    right.set(xlabel="samples of", ylabel="energy distance to the law", ylim=(0, 1.4 * float(found.distance.max())))


READING = "arXiv:2604.23552, abstract, in our reading: a student copies less and is no worse"
TWO = "two unit Gaussians in d = 8, n = 32"
SPECTRUM = "tanh random features, d = 25, p = 800, n = 100, t = .1 and .01"
FULL, BOTH = ("full",), ("smoke", "full")
TABLE = {
    "exact_copied": (
        f"Share of copies of a one-step consistency student over that of its teacher, the exact score of {TWO}, "
        "after 5,000 steps.",
        (0.025, 0.0, 0.2),
        READING,
        FULL,
    ),
    "exact_distance": (
        "Energy distance of the same student's samples to the law over that of the teacher's.",
        (0.75, 0.0, 1.0),
        READING,
        FULL,
    ),
    "trained_copied": (
        f"Share of copies of a one-step consistency student over that of its teacher, a network trained on {TWO}, "
        "after 6,000 steps from the teacher's weights.",
        (0.18, 0.0, 0.5),
        READING,
        FULL,
    ),
    "trained_distance": (
        "Energy distance of the same student's samples to the law over that of the teacher's.",
        (0.85, 0.0, 1.05),
        READING,
        FULL,
    ),
    "control_copied": (
        "Share of copies of a one-step map learned by plain regression on the ends of the teacher's flow over the "
        "teacher's, the larger of both teachers: most of the fall needs no consistency.",
        (0.4, 0.0, 0.6),
        "derived: the same network and steps without consistency training",
        FULL,
    ),
    "beside_control": (
        "Share of copies of the consistency student over that of this regression, the larger of both teachers.",
        (0.4, 0.0, 0.7),
        "derived: the same network and steps without consistency training",
        FULL,
    ),
    "sample_energy": (
        f"Energy of a linear consistency student on the modes of the sample over its teacher's, {SPECTRUM}, the "
        "smaller: not suppressed, where the abstract in our reading has it well below 1.",
        (0.9, 0.75, 1.1),
        "derived: least squares on true features, a null result",
        BOTH,
    ),
    "population_energy": (
        f"The same on the modes of the population, {SPECTRUM}, the one farther from 1.",
        (0.95, 0.8, 1.2),
        "derived: least squares on true features, a null result",
        BOTH,
    ),
}

PAPER = Paper(
    slug="jiang2026",
    title="On the Memorization of Consistency Distillation for Diffusion Models",
    arxiv="2604.23552",
    setting=(
        "Our own constructions after the abstract: the paper's theorems, data and figures stand behind none of the "
        "numbers. A teacher that copies its n = 32 points of two unit Gaussians in d = 8 (their exact score, or a "
        "residual network trained far beyond its best), is distilled into a one-step map along 18 noise levels from "
        ".1 to 8, with Heun steps of the teacher and the student of the moment as its own target. The student copies "
        "far less at no greater distance from the law. A plain regression of the ends of the teacher's flow on their "
        "starts, with the same network and steps, copies far less too: most of the fall is the smoothness of a one- "
        "step map with so much training, and consistency lowers copying further. Students copy more the longer they "
        "are trained, so the budgets belong to the claims. For the explanation, distillation suppressing the unstable "
        "modes that carry memorization, a linear student is fitted by least squares to what its teacher, random "
        "features trained to the end, gives one Euler step earlier (t to t/2): there it does not come out. The energy "
        "on the modes of the sample stays where it was, like that on the modes of the population; a ridge penalty "
        "lowers it, but that of the teacher as well."
    ),
    claims=tuple(
        Claim(key, statement, *numbers, source, "analogue", scales)
        for key, (statement, numbers, source, scales) in TABLE.items()
    ),
    run=run,
    draw=draw,
)
