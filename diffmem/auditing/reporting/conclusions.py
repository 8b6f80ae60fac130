"""The verdict of an audit, and what can and cannot be concluded from it, in sentences."""

import numpy as np

from ...metrics import Interval
from ..findings import Findings
from ..shares import SIGNIFICANT, Share, excess, share

COPIES, NO_EXCESS, UNCLEAR, NO_CONTROL = "copies", "no excess", "unclear", "no control"
UNLIKELY = 0.2  # probability above which an excess is put down to chance
ROLES = (
    "`samples` are what the model generated, `train` is what it was trained on, `test` is data of the same kind that "
    "it has not seen. The audit also runs with sets exchanged, and then answers another question."
)


def verdict(found: Findings) -> tuple[str, str]:
    """One word, and a sentence that explains it."""
    rule, kind = found.rule, found.control_kind
    own, control, more = rule.samples, rule.controls, rule.excess
    if control is None or more is None:
        return NO_CONTROL, (
            f"{said(own)} of the samples are copies by the d1/d2 rule, but all held-out points are training points or "
            f"twins of one, so nothing tells copying from a good fit."
        )
    beside = f"{_equal(found)}against {said(control)} of the {kind}"
    if more.p_value >= UNLIKELY:
        return NO_EXCESS, (
            f"{said(own)} of the samples are copies by the d1/d2 rule, {beside}: no more than chance explains "
            f"(p = {more.p_value:.2g})."
        )
    if not more.significant:
        return UNCLEAR, (
            f"{said(own)} of the samples are copies by the d1/d2 rule, {beside}: more, but too few to rule out chance "
            f"(p = {more.p_value:.2g})."
        )
    with_leaks = _with_leaks(found)
    if with_leaks is not None and not excess(own, with_leaks).significant:
        return UNCLEAR, (
            f"{said(own)} of the samples are copies by the d1/d2 rule, {beside}, but {said(with_leaks)} where leaks "
            f"are counted: if held-out points that are training points, or twins of one, are no mistake of the split "
            f"but usual in these data, the model need not copy."
        )
    return COPIES, (
        f"The model copies: {said(own)} of the samples are copies by the d1/d2 rule, {beside} (p = {more.p_value:.2g})."
    )


def _equal(found: Findings) -> str:
    """How many samples equal a training point in every number, as none does by chance where numbers are long."""
    equal = int(np.count_nonzero(found.nearest.d1 == 0))
    return f"{equal} of them equal to a training point, " if equal else ""


def _with_leaks(found: Findings) -> Share | None:
    """The share of all held-out points, leaks among them, that meet the d1/d2 rule."""
    if found.held_out is None or not found.held_out.leak.any():
        return None
    return share(found.rule.holds(found.held_out.nearest.ratio))


def said(part: Share) -> str:
    """`12 of 400 (3 %, 95 % interval 1.6 to 5.2 %)`."""
    return f"{part.count} of {part.of} ({percent(part.fraction)}, 95 % interval {between(part.interval)})"


def percent(fraction: float) -> str:
    """`3.1 %`."""
    return f"{100 * fraction:.3g} %"


def between(interval: Interval) -> str:
    """`1.6 to 5.2 %`."""
    return f"{100 * interval.low:.2g} to {100 * interval.high:.3g} %"


def limits(found: Findings) -> list[str]:
    """What can be concluded, and what cannot."""
    missed = [one.planted for one in found.sensitivity if one.found.fraction < 0.5]
    not_asked = [option for option in ("flips", "shifts", "tiles") if not getattr(found.options, option)]
    told = [
        ROLES,
        "A copy is a sample that is much nearer to one training point than to every other that is no twin of it, pixel "
        "by pixel (or number by number): equal content in other numbers is not seen.",
        "The interval is about the samples' law: it holds if the samples are independent draws of the model, as they "
        "are used. Samples that were selected speak for the selection only.",
        f"The audit sees {found.samples.n} samples: copies that are rarer than about {percent(3 / found.samples.n)} of "
        f"all samples may be missed altogether.",
    ]
    if missed:
        listed = "; ".join(missed)
        told.append(f"Of copies planted among these data the d1/d2 rule finds fewer than half if they are: {listed}.")
    if not_asked:
        told.append(
            f"Not looked for: {', '.join(not_asked)} (mirrored, shifted and partial copies need these options)."
        )
    if found.samples.sha256 == found.train.sha256:
        told.insert(0, "Samples and training set hold the same numbers: each sample was compared with itself.")
    return [*told, *_limits_of_control(found), *_limits_of_groups(found)]


def _limits_of_control(found: Findings) -> list[str]:
    if found.held_out is None:
        return [
            "There is no held-out set: the samples are compared with training points, each against all others. Only "
            "held-out points that the model has not seen tell copying from a good fit."
        ]
    return [
        "The comparison with the held-out set holds if its points are independent draws of the law of the training "
        f"set. An excess is called significant below p = {SIGNIFICANT:g} (Fisher's exact test)."
    ]


def _limits_of_groups(found: Findings) -> list[str]:
    told = []
    if not found.groups.searched:
        told.append(
            "Near-duplicates were not looked for among all points of the training set, since no few directions tell "
            "these apart; equal points were, and twins of the nearest point of each sample."
        )
    if found.closeness.dimension < 6:
        told.append(
            f"The training set is about {found.closeness.dimension:.2g}-dimensional, so points come close to one "
            "another by chance: compare with the held-out set before calling a sample a copy."
        )
    return told
