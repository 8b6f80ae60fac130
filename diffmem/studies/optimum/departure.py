"""How far a denoiser is from the exact one, and at which noise it stops following it."""

import numpy as np
from jaxtyping import Float

NEAR, SLACK = 0.25, 0.01  # shares of |G - E|^2 and of the smallest loss within which D follows E
RESAMPLINGS, COVERAGE = 400, (2.5, 97.5)


def departures(
    square: Float[np.ndarray, "*curves nodes"],
    apart: Float[np.ndarray, "*curves nodes"],
    loss: Float[np.ndarray, "*curves nodes"],
) -> Float[np.ndarray, "*curves nodes"]:
    """`|D - E|^2 / (|G - E|^2/4 + .01 |E - y|^2)` of the means: below 1 the denoiser D follows the exact one E.

    0 where D = E, also where nothing is left of the denominator.
    """
    return np.where(square == 0, 0, square / np.maximum(NEAR * apart + SLACK * loss, np.finfo(float).tiny))


def followed(departure: Float[np.ndarray, "nodes"], ratios: Float[np.ndarray, "nodes"]) -> list[tuple[float, float]]:
    """The ranges of sigma/alpha in which the departure is below 1, from noise to data; ends between nodes are
    interpolated, linearly in the departure and in log ratio.
    """
    x, below = np.log(ratios), departure < 1
    ranges, top = [], ratios[-1] if below[-1] else None
    for i in range(len(ratios) - 2, -1, -1):
        if below[i] == below[i + 1]:
            continue
        share = (1 - departure[i]) / (departure[i + 1] - departure[i])
        edge = float(np.exp(x[i] + share * (x[i + 1] - x[i])))
        if below[i]:
            top = edge
        else:
            ranges.append((edge, float(top)))
    if below[0]:
        ranges.append((float(ratios[0]), float(top)))
    return ranges


def stop(departure: Float[np.ndarray, "nodes"], ratios: Float[np.ndarray, "nodes"]) -> float:
    """The ratio at which a denoiser that follows at the most noise stops; NaN if it does not, 0 if it never stops."""
    ranges = followed(departure, ratios)
    if not ranges or departure[-1] >= 1:
        return np.nan
    return 0.0 if ranges[0][0] == ratios[0] else ranges[0][0]


def edges(training: list[Float[np.ndarray, "nodes queries"]], ratios: Float[np.ndarray, "nodes"]):
    """The ratio at which it stops and its 95 % interval, by bootstrap over points."""
    found = stop(departures(*(part.mean(axis=1) for part in training)), ratios)
    if not found > 0:
        return found, np.nan, np.nan
    queries = training[0].shape[1]
    counts = np.random.default_rng(0).multinomial(queries, np.full(queries, 1 / queries), size=RESAMPLINGS) / queries
    curves = departures(*(counts @ part.T for part in training))
    resampled = np.array([stop(curve, ratios) for curve in curves])
    return found, *(float(end) for end in np.nanpercentile(resampled, COVERAGE))
