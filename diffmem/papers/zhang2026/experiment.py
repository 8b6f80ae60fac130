"""Columns and codes of autoencoders of separated digits; detection and steering where some digits are repeated."""

from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float, PRNGKeyArray

from ... import data, theory
from ..base import Results
from ..measurements import Group, farthest, together
from .autoencoders import Autoencoder, steered, train_autoencoders
from .training_sets import duplicated, separated
from .units import code_spread, merged_units, top_energy

SIGMA = 0.2
SEPARATED, SEPARATED_WIDTH, SEPARATED_DECAY = 6, 24, 1e-2  # points, units and penalty
DECAY, BATCH = 1e-3, 2048  # with fewer points a step the noise of the gradient keeps the units from settling
SETTLED = 1000  # steps before which the units have not settled, so that only the null case is measured
STRENGTHS, ROUNDS = tuple(np.linspace(0, 1, 6)), (1, 3, 10)  # of steering: in units of the concept; denoisings after it
EDGES = np.linspace(0, 0.2, 41)  # of the bins of the spread of codes
KINDS = ("memorized", "generalized")
DETECTORS = ("spread of normalized code", "spread of code", "minus reconstruction error", "minus norm")


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
    return data.Dataset((whole.points - whole.points.mean(axis=0)) / 2, whole.labels, name="centred digits")


def separated_points(settings: Settings, key: PRNGKeyArray) -> Group:
    """One digit of each of six classes, moved apart: columns, masses and codes of the trained network."""
    pixels, classes = digits().points, np.asarray(digits().labels)
    pick, fit = jax.random.split(key)
    chosen = [one_of_each(classes, jax.random.fold_in(pick, i)) for i in range(settings.sets)]
    sets, steps = [separated(pixels[index]) for index in chosen], settings.separated_steps
    found = train_autoencoders(sets, SEPARATED_WIDTH, SIGMA, SEPARATED_DECAY, key=fit, steps=steps, batch=192)
    masses, predicted, cosines, counts, energies = [], [], [], [], []
    for points, network in zip(sets, found):
        used = network.mass > 1e-3 * network.mass.max()
        towards = [unit(points) @ unit(columns.T[used]).T for columns in network]
        cosines.append(min(part.max(axis=0).min() for part in towards))
        merged = merged_units(*network)
        owner = (unit(points) @ unit(merged.encoder.T).T).argmax(axis=0)
        masses.append([merged.mass[owner == i].sum() for i in range(len(points))])
        predicted.append(theory.memorizing_column_mass((points**2).sum(1), len(points), SIGMA, SEPARATED_DECAY))
        counts.append(len(merged.mass))
        energies.append(top_energy(merged.code(points)).min())
    values = {
        "columns": min(cosines),
        "mass": farthest(np.array(masses) / np.array(predicted), 1),
        "units": farthest(counts, SEPARATED),
        "top_energy": min(energies),
    }
    rows = {"mass": masses, "mass_predicted": predicted}
    return values, xr.Dataset({name: (("set", "point"), row) for name, row in rows.items()})


def one_of_each(classes: np.ndarray, key: PRNGKeyArray) -> list[int]:
    """The indices of one random digit of each of six random classes."""
    keys = jax.random.split(key)
    order, chosen = (np.asarray(jax.random.permutation(k, n)) for k, n in zip(keys, (len(classes), 10)))
    return [int(order[np.argmax(classes[order] == one)]) for one in chosen[:SEPARATED]]


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of norm 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Hybrid(NamedTuple):
    """A training set in which some digits are repeated, and noisy versions of its parts."""

    train: np.ndarray
    classes: np.ndarray
    memorized: np.ndarray
    generalized: np.ndarray
    held_out: np.ndarray


def hybrid(settings: Settings, key: PRNGKeyArray) -> Hybrid:
    """Repeated digits beside unique ones; noisy queries of both, and of the digits left out."""
    pick, noise = jax.random.split(key)
    parts = duplicated(digits(), settings.repeated, settings.copies, settings.unique, key=pick)
    repeated = np.repeat(parts.repeated.points, settings.queries, axis=0)
    clean = repeated, parts.unique.points, parts.held_out.points
    noisy = [x + SIGMA * np.asarray(jax.random.normal(k, x.shape)) for x, k in zip(clean, jax.random.split(noise, 3))]
    return Hybrid(parts.train.points, np.asarray(parts.unique.labels), *noisy)


def hybrids(settings: Settings, key: PRNGKeyArray) -> Group:
    """Detection and steering; at the first width also a network of unique digits."""
    pick, draw_general, fit = jax.random.split(key, 3)
    cases = [hybrid(settings, jax.random.fold_in(pick, i)) for i in range(settings.sets)]
    general = [digits().take(settings.general, key=draw_general).points] if settings.general else []
    aucs, nulls, values = [], [], {}
    for i, width in enumerate(settings.widths):
        sets, own = [case.train for case in cases] + general * (i == 0), jax.random.fold_in(fit, width)
        found = train_autoencoders(sets, width, SIGMA, DECAY, key=own, steps=settings.steps, batch=BATCH)
        if general and i == 0 and settings.steps >= SETTLED:
            values = generalization(found[-1], general[0])
        each = [separations(network, case) for network, case in zip(found, cases)]
        aucs.append(np.mean([one for one, _ in each], axis=0))
        nulls.append(np.mean([null for _, null in each]))
    trained = list(zip(found, cases))  # networks of the last width
    moved = np.array([along_classes(network, case) for network, case in trained])
    spreads = [np.concatenate([code_spread(f.code(getattr(case, kind))) for f, case in trained]) for kind in KINDS]
    curves = {
        "auc": (("width", "detector"), aucs),
        "null_auc": ("width", nulls),
        "density": (("kind", "spread"), [np.histogram(part, EDGES, density=True)[0] for part in spreads]),
        "displacement": (("kind", "rounds", "strength"), moved.mean(axis=(0, 1))),
    }
    axes = {"width": list(settings.widths), "detector": list(DETECTORS), "kind": list(KINDS)}
    axes |= {"spread": (EDGES[1:] + EDGES[:-1]) / 2, "rounds": list(ROUNDS), "strength": list(STRENGTHS)}
    dataset = xr.Dataset(curves, axes)
    if settings.steps >= SETTLED:
        values |= detection(dataset) | steering(moved)
    return values | {"null": farthest(nulls, 0.5)}, dataset


def separations(network: Autoencoder, case: Hybrid) -> tuple[list[float], float]:
    """The AUC of each detector, and that of the first detector between training and held-out points."""
    statistics = (
        lambda x: code_spread(network.code(x)),
        lambda x: network.code(x).std(axis=1),
        lambda x: -np.linalg.norm(network(x) - x, axis=1),
        lambda x: -np.linalg.norm(x, axis=1),
    )
    found = [auc(statistic(case.memorized), statistic(case.generalized)) for statistic in statistics]
    return found, auc(statistics[0](case.generalized), statistics[0](case.held_out))


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Area under the ROC curve: the probability that a positive value is above a negative one."""
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([1, 0], [len(positive), len(negative)])
    return float(roc_auc_score(truth, np.concatenate([positive, negative])))


def detection(found: xr.Dataset) -> dict[str, Any]:
    """AUC of the spread of normalized codes, its excess over that of the reconstruction error, and AUC of raw codes."""
    best, raw, reconstruction, _ = (found.auc.sel(detector=name) for name in DETECTORS)
    values = {"raw": raw.max()}
    for width in found.width.values:
        values[f"detector_{width}"] = best.sel(width=width)
        values[f"baseline_{width}"] = (best - reconstruction).sel(width=width)
    return values


def generalization(network: Autoencoder, points: np.ndarray) -> dict[str, Any]:
    """How much of the leading principal directions the columns span, and the share of the largest unit."""
    directions = np.linalg.svd(points, full_matrices=False)[2][: network.encoder.shape[1]]
    spans = [np.linalg.qr(columns)[0] for columns in network]
    overlaps = [np.sum((directions @ span) ** 2) / len(directions) for span in spans]
    return {"overlap": min(overlaps), "general_energy": top_energy(network.code(points)).mean()}


def along_classes(network: Autoencoder, case: Hybrid) -> Float[np.ndarray, "classes kinds rounds strengths"]:
    """Steering of both kinds of input along the mean code of each class less that of all."""
    codes = network.code(case.generalized)
    concepts = [codes[case.classes == c].mean(axis=0) - codes.mean(axis=0) for c in range(10)]
    inputs = case.memorized, case.generalized
    return np.array([[steered(network, x, concept, STRENGTHS, ROUNDS) for x in inputs] for concept in concepts])


def steering(moved: Float[np.ndarray, "sets classes kinds rounds strengths"]) -> dict[str, Any]:
    """R^2 of a linear response of generalized inputs, and the response of memorized over that of generalized ones."""
    mean = moved.mean(axis=0)
    straight = [np.corrcoef(STRENGTHS, one)[0, 1] ** 2 for one in mean[:, 1, :2].reshape(-1, len(STRENGTHS))]
    end = moved.mean(axis=(0, 1))[..., -1]
    ratio = end[0] / end[1]
    return {"linear": min(straight), "memorized_moves_less": ratio[:2].max(), "twenty_percent": ratio.min()}
