"""The verdict of an audit, and what can and cannot be concluded from it, in sentences."""

from typing import NamedTuple

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
    """One word, and a sentence that explains it.

    The model copies if the samples exceed the control by the d1/d2 rule, as they are or after a change that was asked
    for, or by the cosine of features. An excess by d1 alone is unclear: a law narrower than the data has one, too.
    """
    own, control, more = found.rule.samples, found.rule.controls, found.rule.excess
    others = _others(found)
    beyond = "".join(f"; {one.said}" for one in others)
    if control is None or more is None:
        return NO_CONTROL, (
            f"{said(own)} of the samples are copies by the d1/d2 rule{beyond}, but all held-out points are training "
            f"points or twins of one, so nothing tells copying from a good fit."
        )
    stated = (
        f"{said(own)} of the samples are copies by the d1/d2 rule, "
        f"{_equal(found)}against {said(control)} of the {found.control_kind}"
    )
    chance = f"(p = {more.p_value:.2g})"
    with_leaks = _with_leaks(found)
    if more.significant and with_leaks is not None and not excess(own, with_leaks).significant:
        return UNCLEAR, (
            f"{stated}, but {said(with_leaks)} where leaks are counted: if held-out points that are training points, "
            f"or twins of one, are no mistake of the split but usual in these data, the model need not copy{beyond}."
        )
    if more.significant or any(one.is_copying for one in others):
        return COPIES, f"The model copies: {stated} {chance}{beyond}."
    if any(one.significant for one in others):
        return UNCLEAR, (
            f"{stated} {chance}{beyond}: so near to training points are copies that were changed, or samples of a law "
            f"narrower than the data."
        )
    if more.p_value >= UNLIKELY:
        return NO_EXCESS, f"{stated}: no more than chance explains {chance}{beyond}."
    return UNCLEAR, f"{stated}: more, but too few to rule out chance {chance}{beyond}."


class _Other(NamedTuple):
    """What a rule beside d1/d2, or a change of the samples, finds."""

    said: str
    significant: bool
    is_copying: bool
    """Whether an excess is one of copies."""


def _others(found: Findings) -> list[_Other]:
    """Of the changes that were asked for, of the cosine, and of d1 alone where it finds others than d1/d2 does."""
    kind = "held-out" if found.held_out is not None else "training points"
    told = [_other(f"{one.kind}, another", one.samples, one.controls, kind, is_copying=True) for one in found.changed]
    for rule in found.rules[1:]:
        if rule.name == "cosine":
            told.append(_other("by the cosine of features", rule.samples, rule.controls, kind, is_copying=True))
        elif (rule.copied & ~found.rule.copied).any():
            told.append(_other("by d1 alone", rule.samples, rule.controls, kind, is_copying=False))
    return told


def _other(how: str, samples: Share, controls: Share | None, kind: str, *, is_copying: bool) -> _Other:
    counted = f"{how} {samples.count} of {samples.of}"
    if controls is None:
        return _Other(counted, False, False)
    more = excess(samples, controls)
    beside = f"({kind}: {controls.count} of {controls.of}, p = {more.p_value:.2g})"
    return _Other(f"{counted} {beside}", more.significant, more.significant and is_copying)


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
            "There is no held-out set: the samples are compared with training points, each against all others "
            "that are no twins of it. Only held-out points that the model has not seen tell copying from a good fit."
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
