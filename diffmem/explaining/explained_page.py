"""explain.html: one page that needs nothing else."""

from html import escape
from typing import Any

import numpy as np
import xarray as xr

from .. import plots
from ..auditing.reporting.audit_page import left_out_table
from ..pages import bullets, grid, picture, plot, section, whole_page
from ..plots.image_pairs import is_image
from .explanation import Explanation
from .in_words import about, name_of, needed_in_words, network_in_words, number, sentences
from .tables import class_rows, finite

SHORT = 10  # rows beside the figure
ROWS = 50  # of the table of points; all are in points.csv
CARDS = 24  # pictures
GROUPS = 20
SHOWN_OF_GROUP = 6  # pictures of a group
LARGEST = 160  # pixels of a side of a picture


def page(found: Explanation, told: dict[str, Any], dataset: xr.Dataset) -> str:
    """The whole report as one HTML file."""
    parts = [
        _head(found, told),
        _noise(dataset),
        section("More points", _more(found, told, dataset)),
        section("Which points collapse first", _first(found, told, dataset)),
        section("Duplicates and near-duplicates", _groups(found, told)) if told["duplicates"]["groups"] else "",
        section("Classes", _classes(found)) if found.classes else "",
        section("The network", _network(found)) if found.network is not None else "",
        section("Limits", bullets(told["limits"])),
        section("Input", _input(told)),
    ]
    return whole_page(f"Explained: {found.data.name}", (_signs(part) for part in parts))


def _signs(text: str) -> str:
    return text.replace(" +- ", "&nbsp;&plusmn;&nbsp;").replace("sigma/alpha", "&sigma;/&alpha;")


def _head(found: Explanation, told) -> str:
    value, error = (float(part) for part in found.collapse)
    numbers = {
        "points, distinct": f"{told['points']:,}, {told['distinct']:,}",
        "speciation, sigma/alpha": number(found.speciation),
        "collapse, sigma/alpha": about(value, error),
        "t_S, t_C": f"{number(found.speciation_time)}, {number(found.collapse_time)}",
        "outliers": f"{told['outliers']:,}",
        "groups of duplicates": f"{told['duplicates']['groups']:,}",
    }
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in numbers.items())
    clock = f"Times are those of {told['process']}."
    first, *rest = sentences(found)
    if found.network is not None:
        rest = rest[:-1]
    verdict = "".join(f"<p>{escape(one)}</p>" for one in rest)
    return (
        f"<header><h1>When will a model copy these data?</h1><p class='sets'>{escape(first)}</p>"
        f"<div class='verdict'>{verdict}</div><dl class='numbers'>{listed}</dl>"
        f"<p class='caption'>{escape(clock)} sigma/alpha is the noise in units of the data.</p></header>"
    )


def _noise(dataset) -> str:
    weight = plot(
        plots.own_weight_against_noise(dataset),
        "The probability, given a noisy training point, that the exact score attributes it to that point. Where it is "
        "near 1 the score copies; the collapse is where it falls through 1/2.",
    )
    spectrum = plot(
        plots.explained_spectrum(dataset),
        "Eigenvalues of the covariance. Directions above a line stand out of the noise at that moment.",
    )
    return section("Copying against noise", f"<div class='plots'>{weight}{spectrum}</div>")


def _more(found: Explanation, told, dataset) -> str:
    asked = "" if found.needed is None else f"<p>{escape(needed_in_words(found.needed, told['distinct']))}</p>"
    figure = plot(
        plots.collapse_against_number(dataset),
        "The noise below which n points are copied: measured on parts of these, and continued, with two standard "
        "errors. Dashed: Gaussian data of the same covariance.",
    )
    rows = [
        [f"{row['n']:,}", _with_error(row), row["time"], row["spectrum_ratio"], _place(found, row["n"])]
        for row in told["against_number"]
    ]
    table = grid(["points n", "sigma/alpha", "t_C", "by the spectrum", ""], rows)
    return f"{asked}<div class='plots'>{figure}<div>{table}</div></div>"


def _with_error(row) -> str:
    return "out of reach" if row["ratio"] is None else about(row["ratio"], row["error"])


def _place(found: Explanation, n: int) -> str:
    own = len(found.distinct.rows)
    return "these points" if n == own else "measured" if n < own else "predicted"


def _first(found: Explanation, told, dataset) -> str:
    figure = plot(
        plots.collapse_of_points(dataset),
        "At which noise each point collapses: there it holds half of the posterior weight of its own noisy copies. "
        "Points that stand alone, and points that occur several times, are copied first.",
    )
    names = ["rank", "point", "ratio", "why", "nearest", "distance", "class"]
    rows = [[row[name] for name in names] for row in told["first"][:ROWS]]
    short = grid(["point", "sigma/alpha", "why"], [row[1:4] for row in rows[:SHORT]])
    head = ["rank", "point", "collapse, sigma/alpha", "why", "nearest other", "distance", "class"]
    if found.data.labels is None:
        rows, head = [row[:-1] for row in rows], head[:-1]
    note = f"<p class='caption'>All {len(found.first.row):,} are in points.csv.</p>"
    table = grid(head, rows) + note
    cards = _cards(found)
    shown = (
        f"<h3>The first {min(CARDS, len(found.first.row))}, each beside its nearest other</h3>{cards}" if cards else ""
    )
    whole = f"<details><summary>Table of the first {len(rows)}</summary>{table}</details>"
    return f"<div class='plots'>{figure}<div>{short}</div></div>{shown}{whole}"


def _cards(found: Explanation) -> str:
    if not is_image(found.data.event_shape):
        return ""
    first = found.first
    cards = []
    for i in range(min(CARDS, len(first.row))):
        row, other = int(first.row[i]), int(first.nearest_row[i])
        why = f"<br>{escape(first.why(i))}" if first.why(i) else ""
        ratio = "any noise" if np.isinf(first.ratio[i]) else number(first.ratio[i])
        cards.append(
            f"<article><figure class='source'>{_shown(found, row)}<figcaption>{escape(name_of(found, row))}<br>"
            f"collapses at {ratio}{why}</figcaption></figure><figure>{_shown(found, other)}<figcaption>"
            f"{escape(name_of(found, other))}<br>distance {number(first.nearest_distance[i])}</figcaption></figure>"
            "</article>"
        )
    return f"<div class='cards'>{''.join(cards)}</div>"


def _shown(found: Explanation, row: int) -> str:
    image = found.data.events[row]
    if image.ndim == 3 and image.shape[-1] not in (1, 3):
        image = np.moveaxis(image, 0, -1)
    step = -(-max(image.shape[:2]) // LARGEST)
    return picture(np.array(image[::step, ::step]), found.data.value_range, name_of(found, row))


def _groups(found: Explanation, told) -> str:
    one = told["duplicates"]
    text = (
        f"<p>{one['groups']:,} groups with {one['rows_in_groups']:,} rows, of which {one['groups_of_equal']:,} groups "
        f"hold equal rows. Near-duplicates are nearer than {number(one['twin_share'])} of the distance to the "
        "next point, or differ by at most one level of an image. Each group counts as one point in all "
        "that is said here, and collapses before single points do.</p>"
    )
    if is_image(found.data.event_shape):
        return text + _pictured_groups(found)
    rows = [[len(group), ", ".join(group)] for group in one["listed"][:GROUPS]]
    return text + grid(["rows", "group"], rows)


def _pictured_groups(found: Explanation) -> str:
    groups = found.distinct.groups
    cards = []
    for members in groups.members(groups.component)[:GROUPS]:
        shown = "".join(
            f"<figure>{_shown(found, int(row))}<figcaption>{escape(name_of(found, int(row)))}</figcaption></figure>"
            for row in members[:SHOWN_OF_GROUP]
        )
        more = (
            f"<p class='caption'>and {len(members) - SHOWN_OF_GROUP:,} more</p>"
            if len(members) > SHOWN_OF_GROUP
            else ""
        )
        cards.append(f"<article>{shown}{more}</article>")
    return f"<div class='cards'>{''.join(cards)}</div>"


def _classes(found: Explanation) -> str:
    values = [(row, list(row.values())) for row in finite(class_rows(found))]
    # the collapse and its error in one column
    rows = [[*each[:5], _class_collapse(row), *each[7:]] for row, each in values]
    head = ["class", "points", "distinct", "speciation", "t_S", "collapse alone", "t_C", "by the spectrum", "among all"]
    note = (
        "<p>In sigma/alpha. Alone: as a model that is told the class sees its points. Among all: the median over its "
        "points for a model of all classes.</p>"
    )
    return note + grid(head, rows)


def _class_collapse(row) -> str | None:
    return None if row["collapse"] is None else about(row["collapse"], row["error"])


def _network(found: Explanation) -> str:
    assert found.network is not None
    figure = plot(
        plots.against_optimum(found.network.dataset),
        "The network beside the exact score of the training points and beside the fitted Gaussian: excess denoising "
        "losses on the left, distances of the denoisers on the right. The collapse is marked where it was measured on "
        "these points; their spectrum alone would put it at sigma/alpha = "
        f"{number(float(found.network.dataset.collapse_by_spectrum))}.",
    )
    return f"<p>{escape(network_in_words(found))}</p>{figure}"


def _input(told) -> str:
    one = told["input"]
    other = told["network"] and told["network"]["held_out"]
    sets = {"data": one} | ({"held out": other} if other else {})
    shape = " x ".join(map(str, one["event_shape"]))
    table = grid(
        ["source", "points", "left out", "shape", "numbers", "range", "SHA-256"],
        [[one["source"], f"{one['points']:,}", one["left_out"], shape, one["dtype"], _range(one), one["sha256"]]],
    )
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    return (
        table
        + bullets(one["notes"])
        + left_out_table(sets)
        + f"<p>Seed {told['seed']}; {escape(versions)}; schema {told['schema_version']}.</p>"
    )


def _range(one) -> str:
    return " to ".join(map(number, one["value_range"]))
