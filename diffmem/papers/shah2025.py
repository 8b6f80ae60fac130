"""Ambient training at high noise: what one fixed noisy copy of each point changes, and what it does not."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ..integrators import Heun, grids, sample
from ..metrics import memorization, nearest
from ..processes import EDM
from ..reductions import Dense
from ..scores import Ambient, Empirical, GaussianMixture
from .base import Claim, Measurement, Paper, Results, Scale

ARXIV = "2502.21278"
D, CLUSTERS, SPREAD, N = 16, 4, 0.5, 64  # dimensions, clusters, their standard deviation, training points
LOW, HIGH = 0.1, 0.35  # noises of the data at which the claims are checked
NOISES = {"smoke": (LOW, HIGH), "full": (0.05, LOW, 0.2, HIGH, 0.5, 0.8)}
SIZES = {"smoke": (1000, 32), "full": (1000, 64)}  # samples for each subkey, steps above and below the switch
REPEATS = 3
TOP, BOTTOM = 80.0, 2e-3  # noise where the flow starts and ends
LEAST = 10  # samples that a group must have to be averaged
BRANCHES = ("plain", "ambient")
PROCESS = EDM()  # one process for all grids: only their times differ, so nothing compiles again


class Setting(NamedTuple):
    """One draw of the population, its training set and the noisy copies at unit noise."""

    population: GaussianMixture
    train: jax.Array
    noise: jax.Array


def run(scale: Scale, key) -> Results:
    """Copies, quality and the averaging attack for both branches over the noise of the data, on three subkeys."""
    count, steps = SIZES[scale]
    noises = NOISES[scale]
    runs = [_repeat(subkey, noises, count, steps) for subkey in jax.random.split(key, REPEATS)]
    curves = {name: np.stack([run[name] for run in runs]) for name in runs[0]}
    return Results(_measured(curves, noises), _curves(curves, noises))


def _repeat(key, noises, count: int, steps: int) -> dict[str, np.ndarray]:
    """One subkey: each curve with an entry for every noise and branch (or group)."""
    setting_key, start_key = jax.random.split(key)
    setting = draw_setting(setting_key)
    found: dict[str, list] = {name: [] for name in ("copied", "quality", "copied_empirical", "error", "size", "own")}
    for noise in noises:
        states = _above(setting, noise, count, steps, start_key)
        ends = {name: _flow(setting.population, x, noise, BOTTOM, steps) for name, x in states.items()}
        found["copied"].append([memorization(ends[name], setting.train).fraction for name in BRANCHES])
        found["quality"].append([_quality(ends[name], setting.population) for name in BRANCHES])
        copies = _flow(Empirical(setting.train, reduction=Dense()), states["ambient"], noise, BOTTOM, steps)
        found["copied_empirical"].append(memorization(copies, setting.train).fraction)
        attack = [_attack(states[name], setting, noise, name == "ambient") for name in BRANCHES]
        found["error"].append([part[0] for part in attack])
        found["size"].append([part[1] for part in attack])
        found["own"].append(noise * np.linalg.norm(np.asarray(setting.noise, np.float64), axis=1))
    return {name: np.array(values) for name, values in found.items()}


def draw_setting(key) -> Setting:
    """Means on the sphere of radius sqrt(d), points of the mixture, and one unit noise for each point."""
    means_key, train_key, noise_key = jax.random.split(key, 3)
    means = jax.random.normal(means_key, (CLUSTERS, D))
    means = math.sqrt(D) * means / jnp.linalg.norm(means, axis=1, keepdims=True)
    population = GaussianMixture(jnp.ones(CLUSTERS), means, jnp.full(CLUSTERS, SPREAD**2))
    return Setting(population, population.draw(N, key=train_key), jax.random.normal(noise_key, (N, D)))


def _above(setting: Setting, noise: float, count: int, steps: int, key) -> dict[str, jax.Array]:
    """States at the noise of the data: of the exact score of the points, and of the optimum of ambient training."""
    start = TOP * jax.random.normal(key, (count, D))
    ambient = Ambient(setting.train + noise * setting.noise, noise, reduction=Dense())
    return {
        "plain": _flow(Empirical(setting.train, reduction=Dense()), start, TOP, noise, steps),
        # in tau = sqrt(sigma^2 - noise^2) the ambient flow is that of the noisy copies, down to tau = 0
        "ambient": _flow(ambient.noisy, start, math.sqrt(TOP**2 - noise**2), BOTTOM, steps),
    }


def _flow(score, start, high: float, low: float, steps: int) -> jax.Array:
    """The probability flow from one noise to another, of given states."""
    times = grids.karras(EDM(sigma_min=low, sigma_max=high), steps)
    key = jax.random.key(0)  # the flow draws nothing
    return sample(score, PROCESS, Heun(), times, (D,), len(start), key=key, start=start, finish="state").points


def _quality(points, population: GaussianMixture) -> float:
    """Mean squared distance to the nearest true mean over its population value d s0^2."""
    return float(np.mean(nearest(points, population.means).distance ** 2)) / (D * SPREAD**2)


def _attack(states, setting: Setting, noise: float, ambient: bool) -> tuple[np.ndarray, np.ndarray]:
    """Average the samples of one source: distance to its clean point and number of samples, NaN where they are few.

    The source of a sample is the nearest point of the set that its branch has seen.
    """
    seen = setting.train + noise * setting.noise if ambient else setting.train
    states, clean = np.asarray(states, np.float64), np.asarray(setting.train, np.float64)
    source = nearest(states, seen).index[:, 0]
    size = np.bincount(source, minlength=N).astype(float)
    total = np.zeros((N, D))
    np.add.at(total, source, states)
    enough = size >= LEAST
    mean = total / np.where(enough, size, 1)[:, None]
    return np.where(enough, np.linalg.norm(mean - clean, axis=1), np.nan), size


def _measured(curves: dict[str, np.ndarray], noises) -> dict[str, Measurement]:
    """The claims: the worst subkey, noise and group unless they say mean."""
    low, high = checked = [noises.index(LOW), noises.index(HIGH)]
    copied, quality = curves["copied"], curves["quality"][:, checked]
    found = {"copied_empirical": Measurement(float(curves["copied_empirical"].min()))}
    for b, name in enumerate(BRANCHES):
        found[f"copied_low_{name}"] = Measurement(float(copied[:, low, b].min()))
        found[f"copied_high_{name}"] = Measurement(float(copied[:, high, b].max()))
        means, spread = quality[:, :, b].mean(axis=0), quality[:, :, b].std(axis=0, ddof=1)
        worst = np.argmax(np.abs(means - 1))
        found[f"quality_{name}"] = Measurement(float(means[worst]), float(spread[worst] / math.sqrt(REPEATS)))
    return found | _attacked(*(curves[name][:, checked] for name in ("error", "size", "own")))


def _attacked(error, size, own) -> dict[str, Measurement]:
    """Errors of the averages in units of what k independent noises would leave, or of one noise."""
    noise = np.array([LOW, HIGH])[:, None]
    averaged = noise[:, None] * np.sqrt(D / np.maximum(size, 1))
    plain, ambient = error[:, :, 0], error[:, :, 1]
    mean = np.nanmean(ambient / (noise * math.sqrt(D)), axis=2)
    worst = np.unravel_index(np.argmax(np.abs(mean - 1)), mean.shape)
    return {
        "attack_plain": Measurement(float(np.nanmax(plain / averaged[:, :, 0]))),
        "attack_ambient": Measurement(float(mean[worst])),
        "attack_own": Measurement(float(np.nanmax(np.abs(ambient - own) / averaged[:, :, 1]))),
        "attack_gain": Measurement(float(np.min(np.nanmean(ambient, axis=2) / np.nanmean(plain, axis=2)))),
    }


def _curves(curves: dict[str, np.ndarray], noises) -> xr.Dataset:
    dims, branch = ("subkey", "noise"), ("subkey", "noise", "branch")
    share, length = {"units": "1"}, {"units": "data units"}
    names = {
        "copied": (branch, "share of samples that are copies, population score below the noise", share),
        "quality": (branch, "squared distance to the nearest true mean over d s0^2", share),
        "copied_empirical": (dims, "share of copies, empirical score of the clean points below the noise", share),
        "error": ((*branch, "group"), "distance of a group's average to its clean point", length),
        "size": ((*branch, "group"), "samples of a group", share),
        "own": ((*dims, "group"), "distance of the noisy copy to its clean point", length),
    }
    whole = {name: (axes, curves[name], {"long_name": text, **unit}) for name, (axes, text, unit) in names.items()}
    return xr.Dataset(whole, {"noise": list(noises), "branch": list(BRANCHES)})


def draw(results: Results):
    """Copies against the noise of the data, and the averaging attack group by group."""
    from ..plots import style

    curves = results.curves
    figure = style.new_figure(8.2, 3.3)
    left, right = figure.subplots(1, 2)
    style.dress(left)
    for name in BRANCHES:
        shown = curves["copied"].sel(branch=name).mean("subkey")
        left.plot(curves["noise"], shown, label=f"{name} above", markersize=5)
    left.plot(curves["noise"], curves["copied_empirical"].mean("subkey"), label="ambient above,\nempirical below")
    left.set(xscale="log", xlabel=r"noise of the data $\sigma_n$ (data units)", ylabel="share of copies")
    left.set(ylim=(-0.04, 1.04))
    left.set_xticks(curves["noise"].values, [f"{noise:g}" for noise in curves["noise"].values], minor=False)
    left.minorticks_off()
    style.legend(left)
    style.dress(right)
    at = curves.sel(noise=HIGH)
    for name in BRANCHES:
        chosen = at.sel(branch=name)
        error = chosen["error"].values / (HIGH * math.sqrt(D))
        right.plot(
            chosen["size"].values.ravel(), error.ravel(), linestyle="", markersize=4, fillstyle="none", label=name
        )
    k = np.linspace(LEAST, float(at["size"].max()), 100)
    right.plot(k, k**-0.5, color=style.MARK_COLOUR, linestyle="--", marker="", label="$1/\\sqrt{k}$")
    right.set_xticks(range(10, int(k[-1]) + 1, 5))
    right.set(xlabel="samples averaged $k$", ylabel=r"error / $\sigma_n\sqrt{d}$", ylim=(0, None))
    style.legend(right)
    return figure


FRONTIER = "derived: exact scores on this mixture, five independent draws"
WORST = "the worse of the noises 0.1 and 0.35 and of three draws"

PAPER = Paper(
    slug="shah2025",
    title="Does Generation Require Memorization? Creative Diffusion Models using Ambient Diffusion",
    arxiv=ARXIV,
    setting=(
        "The closed-form optimum of ambient training from one fixed noisy copy of each point, on n = 64 points of a "
        "mixture of 4 Gaussians (s0 = 0.5, means on the sphere of radius sqrt(d), d = 16), where the paper trains "
        "networks on hundreds of images. Above the noise of the data sigma_n the score is that of the clean points "
        "(plain) or of the noisy copies (ambient, integrated in sqrt(sigma^2 - sigma_n^2)); below it the population's "
        "own score stands for a network that generalises there. The two branches then copy equally often: what stops "
        "copying is the population score below sigma_n, not ambient training. With the empirical score below, which "
        "is the optimum of the full objective, the ambient branch copies every time, so the paper's gain is one of "
        "limited learners. What ambient training does change is what leaks by repetition: averages over many samples "
        "of one source recover the clean point under the plain score, and stay at the noisy copy, the only thing "
        "that was seen, under the ambient one. Feature-space similarities and image quality scores do not carry over."
    ),
    claims=(
        *(
            Claim(
                f"copied_{name}_{branch}",
                f"Share of copies (d1 < d2/3), {branch} score above sigma_n = {noise} and population score below, "
                "the worst of three draws.",
                expected,
                *ends,
                FRONTIER,
                "analogue",
            )
            for name, noise, expected, ends in (("low", LOW, 0.995, (0.95, 1.0)), ("high", HIGH, 0.02, (0.0, 0.05)))
            for branch in BRANCHES
        ),
        *(
            Claim(
                f"quality_{branch}",
                f"Mean squared distance to the nearest true mean over d s0^2, {branch} score above, mean of three "
                "draws, at the sigma_n (0.1 or 0.35) where it is farther from 1.",
                1.0,
                0.9,
                1.1,
                FRONTIER,
                "analogue",
            )
            for branch in BRANCHES
        ),
        Claim(
            "copied_empirical",
            "Share of copies with the ambient score above and the empirical score of the clean points below, the "
            "least over sigma_n and three draws.",
            1.0,
            0.99,
            1.0,
            "derived: below sigma_n the exact score carries each noisy copy to its clean point",
            "derived",
        ),
        Claim(
            "attack_plain",
            f"Error of the average of k >= 10 samples of one source at sigma_n over sigma_n sqrt(d/k), plain score: "
            f"largest group, {WORST}.",
            1.5,
            0.0,
            2.0,
            "derived: samples of one source are its clean point plus independent noise",
            "derived",
        ),
        Claim(
            "attack_ambient",
            f"The same error over sigma_n sqrt(d), ambient score, mean over groups, {WORST}.",
            1.0,
            0.85,
            1.15,
            "derived: every sample of one source is its noisy copy",
            "derived",
        ),
        Claim(
            "attack_own",
            f"Difference between a group's error and the noise of its own copy over sigma_n sqrt(d/k), ambient score: "
            f"largest group, {WORST}.",
            0.0,
            0.0,
            3.0,
            "derived: every sample of one source is its noisy copy",
            "derived",
        ),
        Claim(
            "attack_gain",
            f"Mean error of the averages under the ambient score over that under the plain one, {WORST}.",
            3.8,
            3.0,
            math.inf,
            "derived: sqrt(k) for groups of k samples",
            "derived",
        ),
    ),
    run=run,
    draw=draw,
)
