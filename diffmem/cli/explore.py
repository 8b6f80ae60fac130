"""The command `diffmem explore`: a page for lectures that shows reverse flows collapsing onto training points."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..whole_files import check_folder, expanded, replace_file
from .arguments import dataset_called
from .output import AsJson, Quiet, note, show, show_json

if TYPE_CHECKING:
    from ..data import Dataset

DEFAULT_OUT = Path("explore.html")
DRAWN = 100  # points shown of a larger data set, if not asked for others


def explore(
    data: Annotated[
        str | None,
        typer.Option(
            help="Training points to begin with: digits, mnist, a .npy or .npz file, or a folder of images. More than "
            "two dimensions are projected on principal components. Default: two clusters, made in the page."
        ),
    ] = None,
    n: Annotated[
        int | None, typer.Option(help=f"Points drawn from the data. Default: {DRAWN}, or all where they are fewer.")
    ] = None,
    d: Annotated[int | None, typer.Option(help="Dimension, 1 or 2. Default: that of the data, at most 2.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the drawn points.")] = 0,
    out: Annotated[Path, typer.Option(help="The page, one HTML file.")] = DEFAULT_OUT,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """See it live: a page on which reverse flows in one or two dimensions collapse onto training points.

    Writes one HTML file that needs no server and no network. In the page you
    choose, draw or move training points, choose process, score and sampler, run
    through time, and see density, score, paths, posterior weights, the
    speciation time t_S and the collapse time t_C. It computes by the formulas of
    this library, saves pictures and animations, and shows the Python program
    that does the same.

    \b
    Examples:
      diffmem explore --open
      diffmem explore --data digits --n 50 --open
      diffmem explore --data points.npy --out lecture.html
      diffmem explore --data points.npy --d 1
    """
    if d not in (None, 1, 2):
        raise ValueError(f"`--d` must be 1 or 2, but is {d}.")
    if n is not None and n < 1:
        raise ValueError(f"`--n` must be at least 1, but is {n}.")
    if not 0 <= seed < 2**31:
        raise ValueError(f"`--seed` must be between 0 and {2**31 - 1}, but is {seed}.")
    out = expanded(out)
    if out.is_dir():
        raise ValueError(f"`--out` must be a file, but {out} is a folder.")
    check_folder("--out", out.parent)
    from ..explore import page

    if data is None:
        if n is not None or d is not None:
            raise ValueError("`--n` and `--d` need `--data`; without it they are chosen in the page.")
        whole = chosen = None
        text = page()
    else:
        whole = dataset_called(data)
        chosen = _chosen(whole, n, d, seed)
        text = page(chosen.points, name=f"{chosen.n} points of {chosen.name}")
    written = text.encode()
    replace_file(out, written)
    if as_json:
        show_json(_numbers(data, whole, chosen, seed) | {"bytes": len(written), "files": [str(out)]})
    elif not quiet:
        _tell(whole, chosen, out)
    if open_it:
        _open(out)


def _numbers(data: str | None, whole: "Dataset | None", chosen: "Dataset | None", seed: int) -> dict[str, Any]:
    """What is in the page: what `--json` prints beside its path."""
    settings = {"data": data, "n": None, "d": None, "seed": seed}
    if whole is None or chosen is None:
        return {"settings": settings, "source": None}
    skipped = [one._asdict() for one in whole.skipped]
    source = {"name": chosen.name, "points": whole.n, "dimensions": whole.d, "notes": [*whole.notes]}
    return {
        "settings": settings | {"n": chosen.n, "d": chosen.d},
        "source": source | {"left_out": len(skipped), "skipped": skipped},
    }


def _tell(whole: "Dataset | None", chosen: "Dataset | None", out: Path) -> None:
    """What is in the page, and where it is."""
    if whole is not None and chosen is not None:
        from ..data.skipped import unreadable

        text = f"{chosen.n:,} of {whole.n:,} points of {chosen.name}. {unreadable(whole.skipped)}"
        show(text.rstrip())
    show(f"wrote {out}")


def _chosen(dataset: "Dataset", n: int | None, d: int | None, seed: int) -> "Dataset":
    """The data in at most two dimensions, projected before points are drawn, and n of them."""
    import jax

    from ..data import reduce_dimension
    from ..explore import MOST_POINTS

    n = min(DRAWN, dataset.n) if n is None else n
    if n > MOST_POINTS:
        raise ValueError(f"`--n` must be at most {MOST_POINTS}, but is {n}.")
    reduced = reduce_dimension(dataset, min(2, dataset.d) if d is None else d)
    return reduced.take(n, key=jax.random.key(seed))


def _open(path: Path) -> None:
    """The page in the user's browser; where there is none, a sentence says what to do."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        note(f"No browser was found: open {path.resolve()} in one.")
