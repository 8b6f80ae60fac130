"""Zhang et al. on representations: one unit for each memorized point, many for generalized ones, read unit by unit."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float, PRNGKeyArray
from matplotlib.figure import Figure

from .. import data, metrics, theory
from ..plots import style
from ..studies import Autoencoder, steered, train_autoencoders
from ..studies.variables import described
from .single_file import Claim, Measurement, Paper, Results, Scale

SIGMA, STEPS = 0.2, {"full": 4000, "smoke": 300}
SEPARATED, SEPARATED_WIDTH, SEPARATED_DECAY, SEPARATED_STEPS = 6, 24, 1e-2, 4000
SETS = {"full": 3, "smoke": 1}  # training sets of each kind
DECAY, UNIQUE, COPIES, DUPLICATED = 1e-3, 1200, 150, 3
BATCH = 2048  # with fewer the noise of the gradient keeps the units from settling
WIDTHS = {"full": (24, 48), "smoke": (24,)}
GENERAL = 1500
QUERIES = 50  # noisy versions of each duplicated point
STRENGTHS, ROUNDS = tuple(np.linspace(0, 1, 6)), (1, 3, 10)
EDGES = np.linspace(0, 0.2, 41)
KINDS = ("memorized", "generalized")

VARIABLES = {
    "set": ("training set", ""),
    "point": ("training point", ""),
    "mass": ("|w1| |w2| of the unit of each separated point, collinear units merged", "1"),
    "mass_predicted": ("the same from the norm of the point", "1"),
    "width": ("number of hidden units", "count"),
    "detector": ("statistic of an input", ""),
    "auc": ("area under the curve, noisy duplicated points against noisy unique ones, mean over sets", "1"),
    "null_auc": ("the same for unique training points against held-out digits, mean over sets", "1"),
    "kind": ("kind of input", ""),
    "spread": ("standard deviation over the units of a normalized code, middle of the bin", "1"),
    "density": ("density of this spread, all sets, largest width", "1"),
    "strength": ("length of the displacement of the input, in units of the concept", "1"),
    "rounds": ("number of denoisings after it", "count"),
    "displacement": ("displacement of the output along the concept, same units, mean over concepts and sets", "1"),
}
DETECTORS = ("spread of normalized code", "spread of code", "minus reconstruction error", "minus norm")


def digits() -> data.Dataset:
    """Digits with pixels in [0, 1], the units of sigma and of the penalties, less their mean."""
    whole = data.digits()
    return data.Dataset((whole.points - whole.points.mean(axis=0)) / 2, whole.labels, name="centred digits")


def separated(scale: Scale, key: PRNGKeyArray) -> tuple[xr.Dataset, dict[str, float]]:
    """One digit of each of six classes, moved apart: columns, masses and codes of the trained network."""
    pixels, classes = digits().points, np.asarray(digits().labels)
    pick, fit = jax.random.split(key)
    sets = [data.separated(pixels[one_of_each(classes, jax.random.fold_in(pick, i))]) for i in range(SETS[scale])]
    found = train_autoencoders(sets, SEPARATED_WIDTH, SIGMA, SEPARATED_DECAY, key=fit, steps=SEPARATED_STEPS, batch=192)
    masses, predicted, cosines, counts, energies = [], [], [], [], []
    for points, network in zip(sets, found):
        size = np.linalg.norm(network.encoder, axis=0) * np.linalg.norm(network.decoder, axis=0)
        used = size > 1e-3 * size.max()
        towards = [unit(points) @ unit(columns.T[used]).T for columns in network]
        cosines.append(min(part.max(axis=0).min() for part in towards))
        merged = metrics.merged_units(*network)
        owner = (unit(points) @ unit(merged.encoder.T).T).argmax(axis=0)
        masses.append([merged.mass[owner == i].sum() for i in range(len(points))])
        predicted.append(theory.memorizing_column_mass((points**2).sum(1), len(points), SIGMA, SEPARATED_DECAY))
        counts.append(len(merged.mass))
        energies.append(metrics.top_energy(merged.code(points)).min())
    ratio = np.array(masses) / np.array(predicted)
    values = {
        "columns": min(cosines),
        "mass": ratio.ravel()[np.argmax(abs(ratio - 1))],
        "units": max(counts, key=lambda count: abs(count - SEPARATED)),
        "top_energy": min(energies),
    }
    variables = {"mass": (("set", "point"), masses), "mass_predicted": (("set", "point"), predicted)}
    return xr.Dataset(variables), values


def one_of_each(classes: np.ndarray, key: PRNGKeyArray) -> list[int]:
    """The indices of one random digit of each of six random classes."""
    keys = jax.random.split(key)
    order, chosen = (np.asarray(jax.random.permutation(k, n)) for k, n in zip(keys, (len(classes), 10)))
    return [int(order[np.argmax(classes[order] == one)]) for one in chosen[:SEPARATED]]


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of norm 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Hybrid(NamedTuple):
    """A training set in which three digits are repeated, and noisy versions of its parts."""

    train: np.ndarray
    classes: np.ndarray
    memorized: np.ndarray
    generalized: np.ndarray
    held_out: np.ndarray


def hybrid(key: PRNGKeyArray) -> Hybrid:
    """Three digits 150 times each beside 1,200 unique ones; noisy queries of both, and of the digits left out."""
    pick, noise = jax.random.split(key)
    parts = data.duplicated(digits(), DUPLICATED, COPIES, UNIQUE, key=pick)
    clean = np.repeat(parts.repeated.points, QUERIES, axis=0), parts.unique.points, parts.held_out.points
    noisy = [x + SIGMA * np.asarray(jax.random.normal(k, x.shape)) for x, k in zip(clean, jax.random.split(noise, 3))]
    return Hybrid(parts.train.points, np.asarray(parts.unique.labels), *noisy)


def separations(network: Autoencoder, case: Hybrid) -> tuple[list[float], float]:
    """AUC of each detector, and of the first between training and held-out points."""
    statistics = (
        lambda x: metrics.code_spread(network.code(x)),
        lambda x: network.code(x).std(axis=1),
        lambda x: -np.linalg.norm(network(x) - x, axis=1),
        lambda x: -np.linalg.norm(x, axis=1),
    )
    found = [auc(statistic(case.memorized), statistic(case.generalized)) for statistic in statistics]
    return found, auc(statistics[0](case.generalized), statistics[0](case.held_out))


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive is above a negative."""
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([1, 0], [len(positive), len(negative)])
    return float(roc_auc_score(truth, np.concatenate([positive, negative])))


def along_classes(network: Autoencoder, case: Hybrid) -> Float[np.ndarray, "classes kinds rounds strengths"]:
    """Steering of both kinds of input along the mean code of each class less that of all."""
    codes = network.code(case.generalized)
    concepts = [codes[case.classes == c].mean(axis=0) - codes.mean(axis=0) for c in range(10)]
    inputs = case.memorized, case.generalized
    return np.array([[steered(network, x, concept, STRENGTHS, ROUNDS) for x in inputs] for concept in concepts])


def hybrids(scale: Scale, key: PRNGKeyArray) -> tuple[xr.Dataset, dict[str, float]]:
    """Detection, steering, and beside them a network of 1,500 unique digits at the smallest width."""
    pick, draw_general, fit = jax.random.split(key, 3)
    cases = [hybrid(jax.random.fold_in(pick, i)) for i in range(SETS[scale])]
    general = digits().take(GENERAL, key=draw_general).points
    aucs, nulls, values = [], [], {}
    for i, width in enumerate(WIDTHS[scale]):
        sets = [case.train for case in cases] + [general] * (i == 0)
        own = jax.random.fold_in(fit, width)
        found = train_autoencoders(sets, width, SIGMA, DECAY, key=own, steps=STEPS[scale], batch=BATCH)
        if i == 0:
            values = generalization(found[-1], general)
        each = [separations(network, case) for network, case in zip(found, cases)]
        aucs.append(np.mean([one for one, _ in each], axis=0))
        nulls.append(np.mean([null for _, null in each]))
    moved = np.array([along_classes(network, case) for network, case in zip(found, cases)])
    spreads = [
        np.concatenate([metrics.code_spread(network.code(case[k])) for network, case in zip(found, cases)])
        for k in (2, 3)
    ]
    middle = [np.histogram(part, EDGES, density=True)[0] for part in spreads]
    curves = {
        "auc": (("width", "detector"), aucs),
        "null_auc": ("width", nulls),
        "density": (("kind", "spread"), middle),
        "displacement": (("kind", "rounds", "strength"), moved.mean(axis=(0, 1))),
    }
    coordinates = {"width": list(WIDTHS[scale]), "detector": list(DETECTORS), "kind": list(KINDS)}
    coordinates |= {"spread": (EDGES[1:] + EDGES[:-1]) / 2, "rounds": list(ROUNDS), "strength": list(STRENGTHS)}
    return xr.Dataset(curves, coordinates), values | steering(moved)


def generalization(network: Autoencoder, points: np.ndarray) -> dict[str, float]:
    """How much of the leading principal directions the columns span, and the share of the largest unit."""
    directions = np.linalg.svd(points, full_matrices=False)[2][: network.encoder.shape[1]]
    frames = [np.linalg.qr(columns)[0] for columns in network]
    overlaps = [np.sum((directions @ frame) ** 2) / len(directions) for frame in frames]
    return {"overlap": min(overlaps), "general_energy": metrics.top_energy(network.code(points)).mean()}


def steering(moved: Float[np.ndarray, "sets classes kinds rounds strengths"]) -> dict[str, float]:
    """Linearity for generalized inputs up to 3 rounds, and what is left of it for memorized ones."""
    mean = moved.mean(axis=0)
    straight = [np.corrcoef(STRENGTHS, one)[0, 1] ** 2 for one in mean[:, 1, :2].reshape(-1, len(STRENGTHS))]
    end = moved.mean(axis=(0, 1))[..., -1]
    ratio = end[0] / end[1]
    return {"linear": min(straight), "memorized_moves_less": ratio[:2].max(), "twenty_percent": ratio.min()}


def run(scale: Scale, key: PRNGKeyArray) -> Results:
    """Separated points, then hybrids of duplicated and unique ones."""
    keys = jax.random.split(key)
    first, values = separated(scale, keys[0])
    second, others = hybrids(scale, keys[1])
    curves = described(xr.merge([first, second]), VARIABLES)
    best, raw, reconstruction, _ = (curves.auc.sel(detector=name) for name in DETECTORS)
    values |= others | {
        **{f"detector_{width}": best.sel(width=width) for width in WIDTHS[scale]},
        **{f"baseline_{width}": (best - reconstruction).sel(width=width) for width in WIDTHS[scale]},
        "raw": raw.max(),
        "null": curves.null_auc.values[np.argmax(abs(curves.null_auc.values - 0.5))],
    }
    wanted = {claim.key for claim in PAPER.claims_at(scale)}
    return Results({name: Measurement(float(value)) for name, value in values.items() if name in wanted}, curves)


def draw(results: Results) -> Figure:
    """Masses, the detector, and steering."""
    found = results.curves
    figure = style.new_figure(9.4, 3.0)
    left, middle, right = figure.subplots(1, 3)
    for ax in (left, middle, right):
        style.dress(ax)
    left.plot(found.mass_predicted.values.ravel(), found.mass.values.ravel(), linestyle="", markersize=5)
    ends = [float(found.mass_predicted.min()), float(found.mass_predicted.max())]
    left.plot(ends, ends, color=style.MARK_COLOUR, linestyle="--", marker="", linewidth=1)
    left.set(xlabel=r"$(|x|^2-n\lambda)/(|x|^2+\sigma^2)$", ylabel="mass $|w_1||w_2|$ of its unit")
    for kind in KINDS:
        middle.plot(found.spread, found.density.sel(kind=kind), marker="", label=kind)
        for k, rounds in enumerate(found.rounds.values):
            label = f"{kind}, {rounds} rounds" if k != 0 else f"{kind}, 1 round"
            colour, line = style.COLOURS[KINDS.index(kind)], style.LINES[k]
            path = found.displacement.sel(kind=kind, rounds=rounds)
            right.plot(found.strength, path, color=colour, linestyle=line, marker="", label=label)
    seen = found.spread[(found.density > 0).any("kind")]
    middle.set(xlabel="spread of the normalized code", ylabel="density", xlim=(seen.min() - 0.01, seen.max() + 0.01))
    right.set(xlabel="displacement of the input, units of $u$", ylabel="of the output", ylim=(-0.03, 1.75))
    for ax in (middle, right):
        style.legend(ax)
    return figure


SIX = "Six separated digits, 24 units, penalty 1e-2, worst of three sets (smoke: one)"
AUC = "AUC of the spread of normalized codes, noisy digits repeated 150 times against noisy unique ones, mean of 3 sets"
MEMORIZING, GENERALIZING = "arXiv:2512.20963, memorizing minima", "arXiv:2512.20963, generalizing minima"
DETECTION, STEERING = "arXiv:2512.20963, detection by the spread of codes", "arXiv:2512.20963, steering"
STATEMENTS = {
    "columns": f"{SIX}: smallest cosine of a column of W1 or W2 with its point.",
    "mass": f"{SIX}: mass of a point's merged unit over the predicted one.",
    "units": f"{SIX}: number of units after merging collinear ones.",
    "top_energy": f"{SIX}: share of the largest merged unit in a point's code.",
    "overlap": "1,500 digits, 24 units, penalty 1e-3: overlap of W1 and W2, the lesser, with 24 principal axes.",
    "general_energy": "The same network: mean share of the largest unit in a training point's code.",
    "detector_24": f"{AUC}, 24 units.",
    "detector_48": f"{AUC}, 48 units.",
    "baseline_24": "That AUC less the one of minus the reconstruction error, 24 units.",
    "baseline_48": "The same, 48 units.",
    "raw": "AUC of the spread of the code as it is, larger of the two widths.",
    "null": "AUC of the spread of normalized codes, unique training digits against unseen ones, farthest from .5.",
    "linear": "R^2 of output against input displacement, generalized inputs, 1 and 3 rounds, least of 10 classes.",
    "memorized_moves_less": "Mean output displacement, memorized over generalized inputs, larger of 1 and 3 rounds.",
    "twenty_percent": "The smallest such ratio of 1, 3 and 10 rounds.",
}
FULL = ("analogue", ("full",))
CLAIMS = tuple(
    Claim(key, STATEMENTS[key], *line)
    for key, line in {
        "columns": (1.0, 0.99, 1 + 1e-9, MEMORIZING, "derived"),
        "mass": (1.0, 0.98, 1.02, MEMORIZING, "derived"),
        "units": (6.0, 6.0, 6.0, MEMORIZING, "derived"),
        "top_energy": (1.0, 0.99, 1.0, MEMORIZING, "derived"),
        "overlap": (0.91, 0.85, 1.0, GENERALIZING, *FULL),
        "general_energy": (0.4, 0.0, 0.5, GENERALIZING, *FULL),
        "detector_24": (0.99, 0.95, 1.0, DETECTION, *FULL),
        "detector_48": (0.99, 0.95, 1.0, DETECTION, *FULL),
        "baseline_24": (0.05, 0.0, 0.5, DETECTION, *FULL),
        "baseline_48": (0.05, 0.0, 0.5, DETECTION, *FULL),
        "raw": (0.8, 0.0, 0.9, DETECTION, *FULL),
        "null": (0.5, 0.45, 0.55, "derived: nothing to detect", "derived"),
        "linear": (0.99, 0.97, 1.0, STEERING, *FULL),
        "memorized_moves_less": (0.85, -1.0, 0.95, STEERING, *FULL),
        "twenty_percent": (0.2, -1.0, 0.2, STEERING, *FULL),
    }.items()
)

PAPER = Paper(
    slug="zhang2026",
    title="Generalization of diffusion models arises with a balanced representation space",
    arxiv="2512.20963",
    setting=(
        "The paper's own model, W2 relu(W1^T x) without biases at one noise level sigma = .2, with 8 x 8 digits, "
        "pixels in [0, 1] less their mean, in place of CelebA and of the features of large models. Points that the "
        "theory of memorization calls separable are made, not searched: one digit of each of six classes, "
        "orthogonalized symmetrically and moved to equal cosines of -1/5, each still close to its digit. The penalty "
        "decides how fast spurious units die: 1e-2 there, 1e-3 elsewhere. Units of one direction are merged before "
        "they are counted, as a split unit costs nothing. Memorized inputs of the hybrid are noisy versions of three "
        "digits that are repeated 150 times beside 1,200 unique ones; the spread of a code detects them when the "
        "code is normalized, and is no detector as it is. It beats minus the reconstruction error, a baseline. With "
        "24 units a repeated digit that no unit has made its own (cosines below .7) is told apart less well, so that "
        "the mean can miss .95. Steering adds the decoded mean code of a class to the input. Memorized inputs follow "
        "less than generalized ones, but more than the fifth that was expected, which is missed: a memorized input "
        "of a hybrid network is read by the general units as well. The text-to-image models and their AUC of "
        ".99 do not carry over."
    ),
    claims=CLAIMS,
    run=run,
    draw=draw,
)
