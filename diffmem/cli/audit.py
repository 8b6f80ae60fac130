"""The command `diffmem audit`: do samples copy the training set?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import folder_for, number_pair, whole_numbers
from .output import AsJson, Quiet, note, resumable, show, show_json

if TYPE_CHECKING:
    from ..auditing import Audit
    from ..auditing.sets import Reading

DEFAULT_OUT = Path("audit")
FILES = ("audit.html", "audit.json", "copies.csv", "audit.nc", "curves.png", "distances.png", "copies.png")
SHARE = 0.1  # of the samples that the demonstration plants
ABOVE = 1  # exit code: more is copied than --fail-above allows, or the demonstration does not find what was planted


def audit(
    samples: Annotated[
        str | None, typer.Argument(help="What the model generated: a .npy file, FILE.npz:NAME, or a folder of images.")
    ] = None,
    train: Annotated[str | None, typer.Option(help="What the model was trained on.")] = None,
    test: Annotated[
        str | None, typer.Option(help="Data of the same kind that it has not seen: tells copying from a good fit.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="H,W", help="Resize the images of folders, such as 32 or 32,48.")
    ] = None,
    shape: Annotated[
        list[str] | None, typer.Option(help="Shape of one point that arrays hold flat: 8,8 makes images of rows of 64.")
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LOW,HIGH",
            help="Black and white of training and held-out sets. Default: as found for pixels; others are kept.",
        ),
    ] = None,
    samples_range: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Black and white of the samples. Default: as --range.")
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="The sets hold features of an encoder: compare their cosines, too.")
    ] = False,
    flips: Annotated[bool, typer.Option("--flips", help="Find mirrored copies, too (3 more searches).")] = False,
    shifts: Annotated[
        int, typer.Option(metavar="K", help="Find copies moved by up to K pixels, too ((2K+1)^2 - 1 more searches).")
    ] = 0,
    tiles: Annotated[
        int, typer.Option(metavar="K", help="Find copies of a tile in a grid of K by K, too (K^2 smaller searches).")
    ] = 0,
    ratio: Annotated[float, typer.Option(help="A copy has d1 below RATIO d2.")] = 1 / 3,
    twins: Annotated[
        float | None,
        typer.Option(help="Training points nearer than this share of the median distance of neighbours count as one."),
    ] = None,
    fail_above: Annotated[
        float | None,
        typer.Option(metavar="FRACTION", help="Exit with 1 if a larger fraction is copied, by any rule or change."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the drawn controls: equal seeds give equal results.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the report, and for unfinished searches.")] = DEFAULT_OUT,
    demo: Annotated[bool, typer.Option("--demo", help="Plant known copies among digits, and find them.")] = False,
    share: Annotated[float | None, typer.Option(help="Share of the samples that --demo plants. Default: 0.1.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Does a model copy its training set? Samples against TRAIN, beside data that the model has not seen.

    A sample is a copy if its distance d1 to the nearest training point is
    below RATIO times the distance d2 to the nearest one that is no twin of
    it. Leaks between TRAIN and TEST are found first, and set aside. Prints a
    verdict and writes into --out:

    \b
    audit.html    the report, one file with all pictures
    audit.json    every number, intervals, hashes, what can be concluded
    copies.csv    a row for each sample with its nearest training point, the worst first
    audit.nc      distances and curves, an xarray dataset
    curves.png, distances.png, copies.png
    parts/        finished searches, from which a run after Ctrl-C goes on

    The verdict also counts what other rules (d1 alone, cosines) and changed
    copies (--flips, --shifts, --tiles) exceed the control by; --fail-above
    counts a sample that is a copy by any of these.

    Exit status: 0; 1 above --fail-above; 2 for sets that cannot be compared.
    Files that cannot be read are left out and listed.

    \b
    Examples:
      diffmem audit samples.npy --train train.npy --test test.npy
      diffmem audit generated/ --train photos/ --size 64 --flips --fail-above 0.01
      diffmem audit run.npz:samples --train data.npz:x_train --test data.npz:x_test
      diffmem audit clip-samples.npy --train clip-train.npy --features
      diffmem audit --demo --share 0.01
    """
    out = folder_for(out, FILES)
    if fail_above is not None and not 0 <= fail_above <= 1:
        raise ValueError(f"`--fail-above` must be between 0 and 1, but is {fail_above}.")
    if demo:
        _demonstrate(SHARE if share is None else share, seed, out, samples or train or test, quiet, as_json)
        return
    if share is not None:
        raise ValueError("`--share` must be used with `--demo`, which plants copies.")
    if samples is None or train is None:
        raise ValueError("`SAMPLES` and `--train` must be given, as in diffmem audit samples.npy --train train.npy.")
    from ..auditing import audit as run

    reading = _reading(size, shape, values, samples_range)
    with resumable(out / "parts"):
        found = run(
            samples,
            train,
            test,
            ratio=ratio,
            twins=twins,
            flips=flips,
            shifts=shifts,
            tiles=tiles,
            features=features,
            reading=reading,
            seed=seed,
            out=out,
            progress=not quiet,
        )
        paths = found.save(out)
    _tell(found, paths, quiet, as_json)
    copied = found.document["in_any_way"]["fraction"]
    if fail_above is not None and copied > fail_above:
        how = "" if copied == found.fraction else f" by one rule or another, {found.fraction:.3g} by d1/d2"
        note(f"diffmem: {copied:.3g} of the samples are copies{how}, above {fail_above:g}.")
        raise typer.Exit(ABOVE)


def _reading(size, shape, values, samples_range) -> "Reading":
    from ..auditing.sets import Reading

    sides = whole_numbers([size], "--size") if size else None
    if sides is not None and (len(sides) not in (1, 2) or min(sides) < 1):
        raise ValueError(f"`--size` must be one or two whole numbers of at least 1, such as 32,48, but is {size!r}.")
    return Reading(
        None if sides is None else (sides[0], sides[-1]),
        whole_numbers(shape, "--shape"),
        number_pair(values, "--range"),
        number_pair(samples_range, "--samples-range"),
    )


def _demonstrate(share: float, seed: int, out: Path, sets: str | None, quiet: bool, as_json: bool) -> None:
    if sets is not None:
        raise ValueError(f"`--demo` must be used without sets of your own, but is given {sets}.")
    from ..auditing import demonstration

    with resumable(out / "parts"):
        shown = demonstration(share, seed=seed, out=out, progress=not quiet)
        paths = shown.audit.save(out)
    _tell(shown.audit, paths, quiet, as_json)
    if not (quiet or as_json):
        show(f"Planted: {shown.planted} copies among {shown.of} samples. Found: {shown.found}; {shown.false} others.")
    if not shown.works:
        note("diffmem: the planted share lies outside the interval that was found.")
        raise typer.Exit(ABOVE)


def _tell(found: "Audit", paths: list[Path], quiet: bool, as_json: bool) -> None:
    """The document, or the verdict, what was left out, and the files."""
    if as_json:
        show_json(found.document)
        return
    if quiet:
        return
    from ..data.skipped import Skipped, listed

    show(found.sentence)
    for role, one in found.document["inputs"].items():
        skipped = [Skipped(**each) for each in one["skipped"]]
        left_out = f", {len(skipped)} left out: {listed(skipped)}" if skipped else ""
        show(f"{role}: {one['source']}, {one['points']} points{left_out}")
        for said in one["notes"]:
            show(f"{role}: {said}")
    show("\n".join(f"wrote {path}" for path in paths))
