"""An explanation in sentences: what will happen, what would change it, and what these numbers cannot say."""

import math
from collections.abc import Iterator

from ..data.skipped import unreadable
from .explanation import Explanation
from .more_points import REACH, SIGMAS, Needed

MULTIPLE = 10  # of the points there are, for which the summary says what would change


def sentences(found: Explanation) -> list[str]:
    """The summary, a sentence an entry."""
    told = [_size(found), _speciation(found), _collapse(found), *_more(found)]
    if found.needed is not None:
        told.append(needed_in_words(found.needed, len(found.distinct.rows)))
    told += _first(found)
    return told if found.network is None else [*told, network_in_words(found)]


def network_in_words(found: Explanation) -> str:
    """The network beside the optimum, and what was left out of the held-out points."""
    assert found.network is not None
    skipped = () if found.held_out is None else found.held_out.skipped
    return found.network.summary() + (f" Of the held-out points {unreadable(skipped)}" if skipped else "")


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}"


def about(value: float, error: float) -> str:
    """`.32 +- .01`; the error is that of one standard deviation."""
    return f"{value:.3g} +- {error:.1g}" if math.isfinite(error) else number(value)


def whole(value: float) -> str:
    """A number of points, to three digits beyond 1,000."""
    if not math.isfinite(value):
        return "any number"
    return f"{value:,.0f}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}" if value < 1e9 else f"{value:.2g}"


def _size(found: Explanation) -> str:
    data, distinct = found.data, len(found.distinct.rows)
    shape = " x ".join(map(str, data.event_shape))
    merged = f", {distinct:,} of them distinct" if distinct < data.n else ""
    dimension = f"{data.d} dimension{'s' * (data.d != 1)}" + (f" ({shape})" if len(data.event_shape) > 1 else "")
    return f"{data.name}: {data.n:,} points{merged}, in {dimension}. {unreadable(data.skipped)}".rstrip()


def _speciation(found: Explanation) -> str:
    clock = type(found.process).__name__
    return (
        f"On the way from noise to data, the exact score (the optimum of the training loss) decides on the leading "
        f"direction of the data, as between classes, at sigma/alpha = {number(found.speciation)} "
        f"(t_S = {number(found.speciation_time)} of {clock})."
    )


def _collapse(found: Explanation) -> str:
    value, error = (float(part) for part in found.collapse)
    above = int((found.spectrum > value**2).sum())
    return (
        f"At sigma/alpha = {about(value, error)} (t_C = {number(found.collapse_time)}), measured on these points, it "
        f"commits to one training point and copies it; there {above} of {found.data.d} directions stand out of the "
        "noise."
    )


def _more(found: Explanation) -> Iterator[str]:
    n, against = MULTIPLE * len(found.distinct.rows), found.against_number
    if n in against.n:
        i = list(against.n).index(n)
        if math.isfinite(against.ratio[i]):
            yield f"With {MULTIPLE} times the points that would be {about(against.ratio[i], against.error[i])}."
        else:
            yield f"These points do not tell where {MULTIPLE} times as many would collapse."


def needed_in_words(needed: Needed, count: int) -> str:
    """How many points collapse below the wanted noise."""
    below = number(needed.below)
    if math.isfinite(needed.n):
        low, high = whole(needed.low), whole(needed.high)
        interval = f"(between {low} and {high})" if math.isfinite(needed.high) else f"(at least {low})"
        if needed.low == needed.high:  # the fewest that were measured
            return f"The collapse already lies below {below}, also of {whole(needed.n)} points."
        if needed.more == 0:
            return f"The collapse already lies below {below}: {whole(needed.n)} points {interval} are enough for that."
        return (
            f"To collapse below {below} it takes about {whole(needed.n)} points in all {interval}, "
            f"{whole(needed.more)} more than these {count:,}."
        )
    least = f"more than {whole(needed.low)}, and " if math.isfinite(needed.low) else ""
    gaussian = f"about {whole(needed.by_spectrum)} if they were Gaussian"
    return f"How many points collapse below {below} is beyond what these {count:,} tell: {least}{gaussian}."


def _first(found: Explanation) -> Iterator[str]:
    first = found.first
    why = first.why(0)
    name = name_of(found, int(first.row[0]))
    ratio = number(first.ratio[0]) if math.isfinite(first.ratio[0]) else "any noise"
    yield f"The first to collapse is {name}, at {ratio}{f' ({why})' if why else ''}."
    outliers, groups = int(first.outlier.sum()), int((first.repeats > 1).sum())
    rows = int(first.repeats[first.repeats > 1].sum())
    parts = [
        f"{outliers:,} outlier{'s' * (outliers != 1)}" if outliers else "",
        f"{groups:,} group{'s' * (groups != 1)} of duplicates and near-duplicates ({rows:,} rows)" if groups else "",
    ]
    told = [part for part in parts if part]
    if told:
        yield f"Look first at {' and '.join(told)}: copied before the others."


def name_of(found: Explanation, row: int) -> str:
    """The file of a row, or its position counted from 0."""
    return found.data.names[row] if found.data.names is not None else f"row {row}"


def limits(found: Explanation) -> list[str]:
    """What can be concluded, and what cannot."""
    told = [
        "All is about the exact score of these points, which has the smallest training loss: what a model does that "
        "reaches it. A network that is stopped early, or too small, leaves it at more noise and copies less: "
        "`--network` measures that.",
        "Errors are one standard error and hold the choice of the points from their law; intervals are two. They hold "
        "if the points are independent draws: frames of one film or crops of one photograph are not.",
        f"More points are predicted by continuing the collapse of parts of these; where that leaves sigma/alpha open "
        f"by more than {REACH:g} of its logarithm, nothing is said. In tests on tables, digits and patches of photos "
        f"{SIGMAS} stated errors held the truth in 97 % of the answers.",
        "The prediction by the spectrum treats the data as Gaussian of their covariance. It has no error of its own: "
        "of a few hundred Gaussian points it is 5 to 10 % low, and for other data of many points it is high.",
        "Distances are Euclidean, number by number: a moved or mirrored picture is another point.",
    ]
    if len(found.first.row) < len(found.distinct.rows):
        told.append(
            f"Of {len(found.distinct.rows):,} distinct points {len(found.first.row):,} were looked at one by one: "
            "those far from a random part of the others, the most repeated, and that part."
        )
    if not found.distinct.groups.searched:
        told.append(
            "Near-duplicates were not looked for, since no few directions tell the points apart; equal ones were."
        )
    if found.data.labels is None:
        told.append("No labels were given, so that nothing is said of classes.")
    return told
