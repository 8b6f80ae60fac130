"""The command `diffmem explain`: before any training, when will a model of these data copy them?"""

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    ARRAY,
    DATA,
    PROCESSES,
    RANGE,
    SHAPE,
    Reading,
    dataset_called,
    folder_for,
    process_called,
    whole_numbers,
)
from .output import AsJson, Quiet, note, show, show_json

DEFAULT_OUT = Path("explain")
QUERIES = 256


def explain(
    data: DATA = "digits",
    below: Annotated[
        float | None,
        typer.Option(metavar="SIGMA", help="How many more points move the collapse below this sigma/alpha?"),
    ] = None,
    n: Annotated[
        list[str] | None,
        typer.Option(
            help="Numbers of points whose collapse is predicted, such as 5000,50000. Default: up to 100 times."
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="A network to set beside the optimum. The function returns a score, (score, process) or "
            "(score, process, times), as diffmem.from_torch does; or it is itself the network, called with batches "
            "(x, alpha, sigma).",
        ),
    ] = None,
    predicts: Annotated[
        str | None,
        typer.Option(help="What a network of (x, alpha, sigma) returns: x0, noise, v or velocity. Default: x0."),
    ] = None,
    held_out: Annotated[
        str | None, typer.Option(metavar="DATA", help="Points that the network has not seen, read as DATA is.")
    ] = None,
    queries: Annotated[
        int | None, typer.Option(help="Points at which the network is asked, four times each. Default: 256.")
    ] = None,
    process: Annotated[str, typer.Option(help=f"Process whose times are given: {', '.join(PROCESSES)}.")] = "ou",
    t_min: Annotated[float | None, typer.Option(help="Smallest time of ou, vp, cosine, fm. Default: 1e-5.")] = None,
    sigma_min: Annotated[float | None, typer.Option(help="Smallest noise scale of ve, edm. Default: .002.")] = None,
    range: RANGE = None,
    array: ARRAY = None,
    shape: SHAPE = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers: equal seeds give equal results.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = DEFAULT_OUT,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Before any training: when will a model of these data copy them, and which points first?

    Says at which noise the optimum of the training loss decides on a class
    (speciation) and on one training point (collapse), how the collapse moves
    with the number of points, and which points are copied first: outliers,
    duplicates and near-duplicates. Prints a few sentences and writes into --out:

    \b
    explain.html  the report, one file with all figures and pictures
    explain.json  every number, errors, hash of the input, limits
    explain.csv   the collapse against the number of points
    points.csv    points in the order of their collapse
    classes.csv   speciation and collapse of each class, if there are labels
    explain.nc    spectrum, curves and points, an xarray dataset
    explain.png   four figures

    Image files that cannot be read are left out and listed.
    With --network also network.nc and network.png: at which noise the network
    leaves the optimum, and what that means for copying. The module is looked
    for in the current folder, too; its code is run.

    \b
    Examples:
      diffmem explain
      diffmem explain photos/ --below 0.1
      diffmem explain data.npz --array x_train --n 5000,50000 --process edm
      diffmem explain train.npy --network mine:load --held-out test.npy
      diffmem explain digits --network mine:denoise --predicts noise --json
    """
    from ..explaining.saving import FILES

    sizes = whole_numbers(n, "--n")
    chosen = process_called(process, t_min, sigma_min)
    out = folder_for(out, FILES)
    reading = Reading(range, array, shape)
    if network is None:
        _check_alone(predicts, held_out, queries)
    dataset = dataset_called(data, reading)
    other = None if held_out is None else dataset_called(held_out, reading)
    own = None if network is None else _network(network, predicts or "x0")

    from ..explaining import explain as run

    with warnings.catch_warnings(record=True) as caught:
        found = run(
            dataset,
            process=chosen,
            n=sizes,
            below=below,
            network=own,
            held_out=other,
            queries=QUERIES if queries is None else queries,
            seed=seed,
            progress=not quiet,
        )
    for message in dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, UserWarning)):
        note(f"diffmem: {message}")
    paths = found.save(out)
    if as_json:
        show_json(found.document)
    elif not quiet:
        from ..explaining.in_words import sentences

        show("\n".join(sentences(found)))
        show("\n".join(f"wrote {path}" for path in paths))


def _check_alone(predicts: str | None, held_out: str | None, queries: int | None) -> None:
    """Raise ValueError for what says nothing without a network."""
    for option, value, words in (
        ("--held-out", held_out, "that has not seen these points"),
        ("--predicts", predicts, "whose answers it names"),
        ("--queries", queries, "that is asked"),
    ):
        if value is not None:
            raise ValueError(f"`{option}` must come with the `--network` {words}.")


def _network(name: str, predicts: str):
    """The network of a module that can also lie in the current folder."""
    from ..explaining.own_network import network_called

    if "" not in sys.path:
        sys.path.insert(0, "")
    return network_called(name, predicts)
