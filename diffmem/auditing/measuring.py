"""What an audit measures, step by step; nothing is judged in words here."""

import numpy as np

from ..metrics.neighbours.twins import RANKS
from .calibration import calibrated
from .changed import are_changed, changed_copies
from .duplicate_groups import equal_rows, grouped
from .findings import Findings, HeldOut, Options, Sensitivity
from .judged import Judged
from .near_duplicates import Against, Closeness, Nearest, closeness
from .resumable import Queries, Sides, Work
from .sensitivity import PLANTED, planted
from .sets import PointSet, unit_of
from .sets.point_set import fitting
from .shares import share
from .variants import DIRECTION

CONTROLS = 500  # training points that are compared with all others
NONE = Closeness(0.0, 0.0, None, 0.0, 0.0, 1.0)  # no twins
LEAKED = 1 / 3  # of the share of twins: a held-out point so near to a training point, for its second, is a leak
LAST_PLACES = 4  # units in the last place by which rounding may carry a value across a threshold


def measured(sets: list[PointSet], options: Options, work: Work, seed: int) -> Findings:
    """All measurements on samples, training set and, if there is a third, the held-out set."""
    samples, train = sets[:2]
    test = sets[2] if len(sets) > 2 else None
    rng = np.random.default_rng(seed)
    first = equal_rows(train)
    against, left, left_out = _prepared(train, first, options, work, rng)
    near = against.nearest(Queries(samples), "samples")
    held_out = None if test is None else _held_out(test, against)
    kept = None if held_out is None else held_out.kept
    sides = Sides(Queries(samples), left if test is None else Queries(test, kept))
    control = left_out if held_out is None or kept is None else Nearest(*(part[kept] for part in held_out.nearest))
    rules = (
        ratio_rule(near, control, options.ratio, LAST_PLACES * _resolution(sets)),
        *_distance_rules(near.d1, control.d1, left_out.d1, unit_of(train)),
        *(_cosine_rules(sides, against) if options.features else ()),
    )
    return Findings(
        samples,
        train,
        test,
        unit_of(train),
        against.close,
        grouped(train, against.close, first, work, seed),
        near,
        held_out,
        left_out,
        rules,
        changed_copies(sides, against, rules[0], options),
        _sensitivity(against, rules, options, rng),
        grouped(samples, against.close, equal_rows(samples), work, seed),
        seed,
        options,
    )


def _prepared(train: PointSet, first: np.ndarray, options: Options, work: Work, rng: np.random.Generator):
    """The training set with its rule for twins, some of its points, and what is nearest to each among the others."""
    distinct = np.unique(first)
    if len(distinct) < 2:
        raise ValueError(f"`train` must hold at least 2 distinct points, but holds 1 among {train.n}.")
    left = Queries(train, np.sort(rng.choice(distinct, min(CONTROLS, len(distinct)), replace=False)), True)
    around = Against(train, distinct, NONE, work).search(left, RANKS[1], "train")
    close = closeness(train, left, around, options.ratio, options.twins)
    against = Against(train, distinct, close, work)
    return against, left, against.left_out(left, around, "train")


def _held_out(test: PointSet, against: Against) -> HeldOut:
    """Leaks equal a training point, differ by one level from it, or are much nearer to it than to all others."""
    found, close = against.nearest(Queries(test), "test"), against.close
    leak = found.ratio < LEAKED * close.share if close.fixed is None else found.d1 <= close.fixed
    leak |= found.d1 == 0
    near = np.flatnonzero(~leak & (found.d1 <= close.reach))
    leak[near] = close.one_level(test, near, found.row[near], of=against.train)
    return HeldOut(found, leak)


def ratio_rule(near: Nearest, control: Nearest, ratio: float, slack: float) -> Judged:
    """The d1/d2 rule; a value on the threshold, up to rounding, is no copy."""
    return Judged("ratio", f"d1 < {ratio:.3g} d2, twins set aside", ratio, near.ratio, control.ratio, slack)


def _distance_rules(d1, control, left_out, unit) -> tuple[Judged, ...]:
    """The rule for d1 alone, if there are controls enough; few held-out points are replaced by training points."""
    threshold = calibrated(control, len(d1)) or calibrated(left_out, len(d1))
    if threshold is None:
        return ()
    limit = threshold.distance
    statement = f"d1 < {limit * unit:.3g}; among all samples .01 false copies are expected"
    return (Judged("distance", statement, limit, d1, control, dimension=threshold.dimension),)


def _cosine_rules(sides: Sides, against: Against) -> tuple[Judged, ...]:
    """The rule for the cosine of features, by distances of their directions: `cos = 1 - |u - v|^2/2`."""
    found = [against.search(side, 1, f"cosine-{name}", DIRECTION) for name, side in sides._asdict().items()]
    samples, control = (side.distance[:, 0] for side in found)
    threshold = calibrated(control, len(samples))
    if threshold is None:
        return ()
    cosine = 1 - threshold.distance**2 / 2
    statement = f"cosine > {cosine:.4g}; among all samples .01 false copies are expected"
    row = found[0].index[:, 0]
    return (Judged("cosine", statement, threshold.distance, samples, control, dimension=threshold.dimension, row=row),)


def _sensitivity(against: Against, rules: tuple[Judged, ...], options: Options, rng) -> tuple[Sensitivity, ...]:
    """Copies are planted, and looked for as samples are, without keeping what the searches find."""
    train, rule = against.train, rules[0]
    count = min(fitting(PLANTED, train.d, 5), len(against.distinct))
    rows = np.sort(rng.choice(against.distinct, count, replace=False))
    kinds = list(planted(train, rows, against.close.spacing, rng))
    events = np.concatenate([one.events.astype(np.float32) for one in kinds])
    # numbers as they are compared, so nothing is mapped again
    asked = Queries(PointSet("planted", "planted copies", events, train.event_shape))
    passing = against._replace(work=Work(None, against.work.progress))
    near = passing.nearest(asked, "planted copies")
    found = rule.holds(near.ratio) | are_changed(asked, passing, rule, options)
    distance = [one.holds(near.d1) for one in rules[1:] if one.name == "distance"]
    shape = len(kinds), len(rows)
    by_distance = [share(flag) for flag in distance[0].reshape(shape)] if distance else [None] * len(kinds)
    return tuple(
        Sensitivity(one.name, share(flag), other) for one, flag, other in zip(kinds, found.reshape(shape), by_distance)
    )


def _resolution(sets: list[PointSet]) -> float:
    """Relative spacing of the coarsest floating numbers among the sets."""
    kinds = [one.rows.dtype for one in sets if one.rows.dtype.kind == "f"]
    return max(float(np.finfo(kind).eps) for kind in [np.dtype(np.float64), *kinds])
