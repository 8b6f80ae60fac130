"""Columns and codes of autoencoders of separated digits; detection and steering where some digits are repeated."""

from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float, PRNGKeyArray

from ... import data, theory
from ...metrics.detection import roc, unit_spread
from ..base import Results
from ..measurements import Group, farthest, together
from .autoencoders import SIGMA, Autoencoder, steered, top_energy, train_autoencoders, unit

SEPARATED, SEPARATED_WIDTH, SEPARATED_DECAY = 6, 24, 1e-2  # points, units and penalty
DECAY, BATCH = 1e-3, 2048  # with fewer points a step the noise of the gradient keeps the units from settling
SETTLED = 1000  # steps before which the units have not settled, so that only the null case is measured
STRENGTHS, ROUNDS = tuple(np.linspace(0, 1, 6)), (1, 3, 10)  # of steering: in units of the concept; denoisings after it
EDGES = np.linspace(0, 0.2, 41)  # of the bins of the spread of codes
KINDS = ("memorized", "generalized")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    sets: int = 3  # training sets of each kind
    separated_steps: int = 4000  # of training on separated points
    steps: int = 4000  # of training on repeated and unique digits
    widths: tuple[int, ...] = (24, 48)  # hidden units
    repeated: int = 3  # digits that are repeated
    copies: int = 150  # of each of them
    unique: int = 1200  # digits beside them
    queries: int = 50  # noisy versions of each repeated digit
    general: int = 1500  # digits of a set without repetition, for the first width


FULL = Settings()
SMOKE = Settings(sets=1, steps=300, widths=(24,))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Separated points, then hybrids of repeated and unique ones."""
    separated_key, hybrid_key = jax.random.split(key)
    return together(separated_points(settings, separated_key), hybrids(settings, hybrid_key))


def digits() -> data.Dataset:
    """Digits with pixels in [0, 1], the units of sigma and of the penalties, less their mean."""
    whole = data.digits()
    return data.Dataset((whole.points - whole.points.mean(axis=0)) / 2, whole.labels)


def separated_points(settings: Settings, key: PRNGKeyArray) -> Group:
    """One digit of each of six classes, moved apart: columns, masses and codes of the trained network."""
    pick, fit = jax.random.split(key)
    sets = [separated(one_of_each(jax.random.fold_in(pick, i))) for i in range(settings.sets)]
    options = {"key": fit, "steps": settings.separated_steps, "batch": 192}
    networks = train_autoencoders(sets, SEPARATED_WIDTH, SEPARATED_DECAY, **options)
    aligned = [unit(points) @ unit(part.T).T for f, points in zip(networks, sets) for part in f.used]
    merged = [f.merged() for f in networks]
    owners = [(unit(points) @ unit(f.encoder.T).T).argmax(axis=0) for f, points in zip(merged, sets)]
    mass = np.array([np.bincount(owner, f.mass, SEPARATED) for f, owner in zip(merged, owners)])
    predicted = [theory.memorizing_column_mass((x**2).sum(1), SEPARATED, SIGMA, SEPARATED_DECAY) for x in sets]
    values = {
        "columns": min(cosine.max(axis=0).min() for cosine in aligned),
        "mass": farthest(mass / predicted, 1),
        "units": farthest([len(f.mass) for f in merged], SEPARATED),
        "top_energy": min(top_energy(f.code(points)).min() for f, points in zip(merged, sets)),
    }
    return values, xr.Dataset({"mass": (("set", "point"), mass), "mass_predicted": (("set", "point"), predicted)})


def one_of_each(key: PRNGKeyArray) -> Float[np.ndarray, "6 d"]:
    """One random digit of each of six random classes."""
    whole, keys = digits(), jax.random.split(key)
    order, classes = (np.asarray(jax.random.permutation(k, n)) for k, n in zip(keys, (whole.n, 10)))
    first = [np.argmax(whole.labels[order] == one) for one in classes[:SEPARATED]]
    return whole.points[order[first]]


def separated(points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Points of the given norms whose pairwise cosines are all -1/(n - 1), the least that all pairs can have.

    Their directions are those of the orthonormal set nearest to the given directions (Loewdin, J. Chem. Phys. 18, 365,
    1950), less their mean: the corners of a regular simplex. The points must be linearly independent.
    """
    rows = points.astype(np.float64)
    left, _, right = np.linalg.svd(unit(rows), full_matrices=False)
    corners = left @ right - (left @ right).mean(axis=0)
    return np.linalg.norm(rows, axis=1, keepdims=True) * unit(corners)


class Hybrid(NamedTuple):
    """A training set in which some digits are repeated, the classes of the others, and noisy versions of its parts."""

    train: np.ndarray
    classes: np.ndarray
    memorized: np.ndarray
    generalized: np.ndarray
    held_out: np.ndarray


def hybrid(settings: Settings, key: PRNGKeyArray) -> Hybrid:
    """Repeated digits beside unique ones; noisy queries of both, and of the digits left out."""
    pick, noise = jax.random.split(key)
    whole = digits()
    order = np.asarray(jax.random.permutation(pick, whole.n))
    often, once, rest = np.split(order, [settings.repeated, settings.repeated + settings.unique])
    train = whole.points[np.concatenate([np.repeat(often, settings.copies), once])]
    clean = [whole.points[index] for index in (np.repeat(often, settings.queries), once, rest)]
    noisy = [x + SIGMA * np.asarray(jax.random.normal(k, x.shape)) for x, k in zip(clean, jax.random.split(noise, 3))]
    return Hybrid(train, whole.labels[once], *noisy)


def hybrids(settings: Settings, key: PRNGKeyArray) -> Group:
    """Detection and steering; at the first width also a network of unique digits."""
    pick, draw_general, fit = jax.random.split(key, 3)
    cases = [hybrid(settings, jax.random.fold_in(pick, i)) for i in range(settings.sets)]
    general = digits().take(settings.general, key=draw_general).points
    found = {}
    for width in settings.widths:
        sets = [case.train for case in cases] + [general] * (not found)
        options = {"key": jax.random.fold_in(fit, width), "steps": settings.steps, "batch": BATCH}
        found[width] = train_autoencoders(sets, width, DECAY, **options)
    each = [[separations(*one) for one in zip(networks, cases)] for networks in found.values()]
    best, raw, reconstruction, nulls = np.mean(each, axis=1).T
    trained = list(zip(found[settings.widths[-1]], cases))
    moved = np.array([along_classes(network, case) for network, case in trained])
    spreads = [np.concatenate([unit_spread(f.code(getattr(case, kind))) for f, case in trained]) for kind in KINDS]
    curves = {
        "density": (("kind", "spread"), [np.histogram(part, EDGES, density=True)[0] for part in spreads]),
        "displacement": (("kind", "rounds", "strength"), moved.mean(axis=(0, 2))),
    }
    axes = {"kind": list(KINDS), "rounds": list(ROUNDS), "strength": list(STRENGTHS)}
    axes["spread"] = (EDGES[1:] + EDGES[:-1]) / 2
    values = {"null": farthest(nulls, 0.5)}
    if settings.steps >= SETTLED:
        values |= {f"detector_{width}": one for width, one in zip(settings.widths, best)}
        values |= {f"baseline_{width}": one for width, one in zip(settings.widths, best - reconstruction)}
        values |= {"raw": raw.max()} | generalization(found[settings.widths[0]][-1], general) | steering(moved)
    return values, xr.Dataset(curves, axes)


def separations(network: Autoencoder, case: Hybrid) -> list[float]:
    """The AUC of the spread of normalized codes, of raw ones and of minus the reconstruction error; then that of the
    first between training and held-out points."""
    statistics = (
        lambda x: unit_spread(network.code(x)),
        lambda x: network.code(x).std(axis=1),
        lambda x: -np.linalg.norm(network(x) - x, axis=1),
    )
    found = [roc(statistic(case.memorized), statistic(case.generalized)) for statistic in statistics]
    null = roc(statistics[0](case.generalized), statistics[0](case.held_out))
    return [one.auc for one in (*found, null)]


def generalization(network: Autoencoder, points: np.ndarray) -> dict[str, Any]:
    """How much of the leading principal directions the columns span, and the share of the largest unit."""
    directions = np.linalg.svd(points, full_matrices=False)[2][: network.encoder.shape[1]]
    spans = [np.linalg.qr(columns)[0] for columns in network]
    overlaps = [np.sum((directions @ span) ** 2) / len(directions) for span in spans]
    return {"overlap": min(overlaps), "general_energy": top_energy(network.code(points)).mean()}


def along_classes(network: Autoencoder, case: Hybrid) -> Float[np.ndarray, "kinds classes rounds strengths"]:
    """Steering of both kinds of input along the mean code of each class less that of all."""
    codes = network.code(case.generalized)
    concepts = [codes[case.classes == c].mean(axis=0) - codes.mean(axis=0) for c in range(10)]
    inputs = case.memorized, case.generalized
    return np.array([[steered(network, x, concept, STRENGTHS, ROUNDS) for concept in concepts] for x in inputs])


def steering(moved: Float[np.ndarray, "sets kinds classes rounds strengths"]) -> dict[str, Any]:
    """R^2 of a linear response of generalized inputs, and the response of memorized over that of generalized ones."""
    memorized, generalized = moved.mean(axis=0)
    paths = generalized[:, :2].reshape(-1, len(STRENGTHS))
    ratio = (memorized.mean(axis=0) / generalized.mean(axis=0))[:, -1]
    return {
        "linear": min(np.corrcoef(STRENGTHS, path)[0, 1] ** 2 for path in paths),
        "memorized_moves_less": ratio[:2].max(),
        "twenty_percent": ratio.min(),
    }
