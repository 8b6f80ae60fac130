"""audit.html: one page that needs nothing else, with each picture in it once."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...pages import bullets, grid, picture, plot, section, whole_page
from ...plots import copying_curves
from ..findings import TRAINING_POINTS, Audit, Picture
from .conclusions import between, percent

ROWS = 50  # of the table of samples; the whole of it is in copies.csv
SKIPPED = 100  # files listed
CAPTIONS = {
    "curves": "The share of the samples, and of the controls, that would count as copies at each threshold. A model "
    "that does not copy follows the controls.",
    "distances": "Distances to the nearest training point. Copies are samples nearer to it than the other points are.",
}
RULES = {"ratio": "d1/d2", "distance": "d1, calibrated", "cosine": "cosine, calibrated"}


def page(audit: Audit, figures: dict[str, Figure]) -> str:
    """The whole report as one HTML file."""
    told = audit.document
    parts = [
        _head(audit),
        section("Rules", _rules(told)),
        _curves(audit),
        plot(figures["distances"], CAPTIONS["distances"]),
        _pictures(audit),
        section("Samples, the worst first", _table(audit)),
        section("Held-out set and leaks", _held_out(told)),
        section("Copies that were changed", _changed(told)) if told["changed_copies"] else "",
        section("Copies planted among these data, and how many are found", _planted(told)),
        section("Duplicates in the training set", _duplicates(told)),
        section("Most copied training points", _most_copied(told)),
        section("Limits", bullets(told["limits"])),
        section("Inputs", _inputs(told)),
    ]
    return whole_page(f"Audit: {audit.verdict}", parts)


def _head(audit: Audit) -> str:
    told = audit.document
    sources = ", ".join(f"<b>{role}</b> {escape(one['source'])}" for role, one in told["inputs"].items())
    held = "" if audit.held_out is None else f"<div><dt>of held-out points</dt><dd>{percent(audit.held_out)}</dd></div>"
    distinct, union = told["distinct"], told["in_any_way"]
    more = union["count"] > told["copies"]
    other = f"<div><dt>by any rule, or changed</dt><dd>{percent(union['fraction'])}</dd></div>" if more else ""
    return (
        f"<header><h1>Does the model copy?</h1><p class='sets'>{sources}</p>"
        f'<p class="verdict {audit.verdict.replace(" ", "-")}">{escape(audit.sentence)}</p>'
        f"<dl class='numbers'><div><dt>samples copied, d1/d2 rule</dt><dd>{percent(audit.fraction)}</dd></div>"
        f"<div><dt>95 % interval</dt><dd>{between(audit.interval)}</dd></div>{other}{held}"
        f"<div><dt>training points copied</dt><dd>{union['copied_training_points']}</dd></div>"
        f"<div><dt>distinct samples</dt><dd>{distinct['samples_up_to_twins']} of {told['samples']}</dd></div></dl>"
        "</header>"
    )


def _share(part: dict[str, Any] | None) -> str:
    if not part or part["fraction"] is None:
        return "-"
    low, high = part["interval"]
    return f"{percent(part['fraction'])} ({100 * low:.2g} to {100 * high:.3g} %), {part['count']} of {part['of']}"


def _rules(told) -> str:
    rows = []
    for name, one in told["rules"].items():
        more = one["excess"]
        excess = "-" if more is None else f"{percent(more['difference'])}, p = {more['p_value']:.2g}"
        rows.append([RULES[name], one["statement"], _share(one), _share(one["control"]), excess])
    kind = "held-out points" if told["held_out"] else TRAINING_POINTS
    note = (
        f"<p>Controls: {kind}. Intervals are exact (Clopper and Pearson), 95 %. Distances are in {told['units']}.</p>"
    )
    return note + grid(["rule", "a copy has", "samples", "controls", "excess"], rows)


def _curves(audit: Audit) -> str:
    """A figure for each rule, side by side where there is room."""
    figures = [copying_curves(audit.arrays, {name: at}) for name, at in marked(audit).items()]
    drawn = "".join(plot(figure, "", "Shares of samples and controls against the threshold") for figure in figures)
    return f"<div class='plots'>{drawn}</div><p class='caption'>{escape(CAPTIONS['curves'])}</p>"


def marked(audit: Audit) -> dict[str, float]:
    """The threshold of each rule where its curve has it: of the cosine, as a distance of directions."""
    thresholds = audit.document["thresholds"].items()
    return {name: float(np.sqrt(2 - 2 * value)) if name == "cosine" else value for name, value in thresholds}


def _pictures(audit: Audit) -> str:
    if not audit.pictures:
        return ""
    copied = audit.document["in_any_way"]["count"] > 0
    title = (
        "The most copied training images, and copies of them" if copied else "The samples nearest to training images"
    )
    cards = "".join(_card(one, audit.value_range) for one in audit.pictures)
    return section(title, f"<div class='cards'>{cards}</div>")


def _card(one: Picture, value_range) -> str:
    source = picture(one.source, value_range, f"training image {one.source_name}")
    copies = "".join(
        f"<figure>{picture(image, value_range, f'sample {name}')}<figcaption>{escape(name)}<br>{escape(caption)}"
        "</figcaption></figure>"
        for image, name, caption in zip(one.copies, one.copy_names, one.captions)
    )
    count = f"copied by {one.count} sample{'s' * (one.count != 1)}" if one.count else "no copy"
    caption = f"<figcaption>train {escape(one.source_name)}<br>{count}</figcaption>"
    return f"<article><figure class='source'>{source}{caption}</figure>{copies}</article>"


def _table(audit: Audit) -> str:
    names = ["rank", "sample", "train", "ratio", "d1", "d2", "by", "copy_of"]
    rows = [[row[name] for name in names] for row in audit.rows[:ROWS]]
    note = (
        f"<p>The first {len(rows)} of {len(audit.rows)}; all are in copies.csv.</p>" if len(audit.rows) > ROWS else ""
    )
    return note + grid(["rank", "sample", "nearest training point", "d1/d2", "d1", "d2", "copy by", "copy of"], rows)


def _held_out(told) -> str:
    held = told["held_out"]
    if held is None:
        return f"<p>None was given. {TRAINING_POINTS.capitalize()}, took its place.</p>"
    leaks = held["leaks"]
    text = (
        f"<p>Of the held-out points {leaks['equal']} equal a training point and {leaks['near']} are twins of one; they "
        f"were set aside. The d1/d2 rule holds for {_share(held)} of the others, and for "
        f"{_share(held['with_leaks'])} of all.</p>"
    )
    rows = [[one["test"], one["train"], one["distance"]] for one in leaks["listed"][:ROWS]]
    return text + (grid(["held-out point", "training point", "distance"], rows) if rows else "")


def _changed(told) -> str:
    rows = [
        [kind, one["variants"], _share(one), _share(one["control"])] for kind, one in told["changed_copies"].items()
    ]
    return grid(["kind", "variants", "samples that are copies only so", "controls"], rows)


def _planted(told) -> str:
    rows = [[one["planted"], _share(one), _share(one["by_distance"])] for one in told["controls"]["positive"]]
    return grid(["planted", "found by d1/d2", "found by d1, calibrated"], rows)


def _of_twins(one) -> str:
    """When points are twins."""
    if one["twin_distance"] is not None:
        return f"nearer than {one['twin_distance']:.3g}"
    return f"nearer than {one['twin_share']:.3g} of the distance to the next point, or one level apart"


def _duplicates(told) -> str:
    one = told["duplicates"]
    text = (
        f"<p>{one['distinct']} different points; {one['groups_of_equal']} groups of equal ones, "
        f"{one['groups_up_to_twins']} groups of twins, {_of_twins(one)}, with {one['rows_in_groups']} points, "
        f"{percent(one['share_of_training_points_in_groups'])} of the set. Of the copies, "
        f"{one['copies_of_points_in_groups']} are of such points.</p>"
    )
    effect = [
        ["repeated points count as neighbours of each other", one["fraction_without_merging"]],
        ["equal points are merged", one["fraction_equal_merged"]],
        ["twins are set aside, too (the rule)", one["fraction_twins_set_aside"]],
    ]
    rows = [[len(group), ", ".join(group[:8]) + (", ..." if len(group) > 8 else "")] for group in one["groups"][:ROWS]]
    table = grid(["fraction copied where", ""], [[name, percent(value)] for name, value in effect])
    return text + table + (grid(["points", "group"], rows) if rows else "")


def _most_copied(told) -> str:
    listed = told["in_any_way"]["most_copied"][:ROWS]
    rows = [[one["train"], one["copies"], one["rows_in_group"]] for one in listed]
    if not rows:
        return "<p>None.</p>"
    table = grid(["training point", "samples that copy it, by any rule or changed", "rows in its group"], rows)
    classes = told["by_class"]
    if not classes:
        return table
    counts = [[name, one["copies"], one["training_points"]] for name, one in classes.items()]
    return table + grid(["class of the training point", "copies by d1/d2", "training points"], counts)


def _inputs(told) -> str:
    rows = [
        [
            role,
            one["source"],
            one["points"],
            one["left_out"],
            " x ".join(map(str, one["event_shape"])),
            one["dtype"],
            one["sha256"],
        ]
        for role, one in told["inputs"].items()
    ]
    notes = [f"{role}: {note}" for role, one in told["inputs"].items() for note in one["notes"]]
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    head = ["role", "source", "points", "left out", "shape", "numbers", "SHA-256"]
    return (
        grid(head, rows)
        + bullets(notes)
        + left_out_table(told["inputs"])
        + f"<p>Seed {told['seed']}; {escape(versions)}; schema {told['schema_version']}.</p>"
    )


def left_out_table(inputs: Mapping[str, dict[str, Any]]) -> str:
    """What was left out of each set, with causes; empty where nothing was."""
    rows = [[role, one["name"], one["cause"]] for role, part in inputs.items() for one in part["skipped"]]
    if not rows:
        return ""
    shown = "" if len(rows) <= SKIPPED else f", of which {SKIPPED} are shown"
    return f"<h3>Left out: {len(rows):,}{shown}</h3>" + grid(["set", "what", "cause"], rows[:SKIPPED])
