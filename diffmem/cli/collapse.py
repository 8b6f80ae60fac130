"""The command `diffmem collapse`: a collapse study of a data set, with a table and figures."""

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
    in_precision,
    learner_called,
    process_called,
    whole_numbers,
)
from .output import AsJson, Quiet, note, resumable, show, show_json, show_table

DEFAULT_OUT = Path("collapse")


def collapse(
    data: DATA = "digits",
    n: Annotated[
        list[str] | None,
        typer.Option(help="Numbers of training points, such as 128,512. Default: up to three, chosen by the data."),
    ] = None,
    d: Annotated[
        list[str] | None,
        typer.Option(
            help="Dimensions, such as 4,16,64: square images are pooled where that fits, other data projected on "
            "principal components. Default: that of the data, and up to two below 256."
        ),
    ] = None,
    score: Annotated[
        str,
        typer.Option(
            help="Which score generates: empirical (exact), gaussian, mixture:K, random-features:P or mlp:WIDTH, "
            "learned from each training set."
        ),
    ] = "empirical",
    process: Annotated[str, typer.Option(help=f"Noising process: {', '.join(PROCESSES)}.")] = "ou",
    t_min: Annotated[float | None, typer.Option(help="Smallest time of ou, vp, cosine, fm. Default: 1e-5.")] = None,
    sigma_min: Annotated[float | None, typer.Option(help="Smallest noise scale of ve, edm. Default: .002.")] = None,
    range: RANGE = None,
    array: ARRAY = None,
    shape: SHAPE = None,
    samples: Annotated[int, typer.Option(help="Generated samples for each n and d.")] = 512,
    queries: Annotated[int, typer.Option(help="Noisy training points measured for each n and d.")] = 512,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers: equal seeds give equal results.")] = 0,
    seeds: Annotated[
        int, typer.Option(help="Training sets for each n and d: with 2 or more, intervals include their draw.")
    ] = 1,
    dtype: Annotated[
        str | None, typer.Option(help="float32 or float64 (with JAX_ENABLE_X64=1). Default: as the data are read.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results; finished cells are kept in it.")] = DEFAULT_OUT,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete finished cells in the folder first.")] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the work and the cores; each needs the memory of a run.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786, whose workers do the work."),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """How and when does the reverse process of n training points collapse onto them?

    Measures the collapse time, at which a noisy training point has on average
    posterior weight 1/2 on its original, with two predictions from theory, and
    the fraction of generated samples that are copies. Prints a table and writes
    into --out:

    \b
    collapse.nc   every number, an xarray dataset over n, d and t
    collapse.png  collapse times against n on a map of the own-point weight
    samples.png   generated samples beside their nearest training points
    cells/        finished parts, from which a run after Ctrl-C goes on

    \b
    Examples:
      diffmem collapse
      diffmem collapse mnist --n 128,1000 --d 49,196
      diffmem collapse photos/ --d 64 --process edm --out photos-collapse
      diffmem collapse mnist --workers 4
      diffmem collapse --score mlp:128 --n 32,128 --d 16 --out learned
    """
    from .collapse_output import FILES, LEGEND, numbers, table, write_files
    from .executors import check_workers, executor_of

    sizes, dimensions = whole_numbers(n, "--n"), whole_numbers(d, "--d")
    check_workers(workers, dask)
    out = folder_for(out, FILES)
    chosen = process_called(process, t_min, sigma_min)
    learner = learner_called(score)
    dataset = in_precision(dataset_called(data, Reading(range, array, shape)), dtype)

    from ..studies import collapse as study

    with resumable(out / "cells"):
        with warnings.catch_warnings(record=True) as caught, executor_of(workers, dask) as executor:
            result = study(
                dataset,
                sizes,
                dimensions,
                chosen,
                learner=learner,
                samples=samples,
                queries=queries,
                seed=seed,
                seeds=seeds,
                store=out / "cells",
                fresh=fresh,
                executor=executor,
                progress=not quiet,
            )
        written = write_files(result, dataset, out, fresh=fresh)
    for warning in () if quiet else caught:
        note(f"Warning: {warning.message}")
    if as_json:
        show_json({**numbers(result), "files": [str(path) for path in written]})
    elif not quiet:
        show_table(table(result))
        show(LEGEND)
        show("\n".join(f"wrote {path}" for path in written))
