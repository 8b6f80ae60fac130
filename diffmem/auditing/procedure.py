"""The audit itself, step by step: duplicates, neighbours, leaks, rules, changed copies, planted copies."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..checks import check_kind, check_number, check_seed, check_whole, described
from ..progress import Progress, followed
from .findings import Audit, Options
from .measuring import measured
from .reporting import reported
from .resumable import Work
from .sets import PointSet, Reading, Source, agreeing, opened
from .sets.opening import ROLES, check_used

AS_STORED = Reading()


def audit(
    samples: Source,
    train: Source,
    test: Source | None = None,
    *,
    ratio: float = 1 / 3,
    twins: float | None = None,
    flips: bool = False,
    shifts: int = 0,
    tiles: int = 0,
    features: bool = False,
    reading: Reading = AS_STORED,
    seed: int = 0,
    out: Path | str | None = None,
    progress: Progress | bool = False,
) -> Audit:
    """Does a model copy? Generated samples against its training set, beside a held-out set.

    A sample is a copy by the d1/d2 rule if its distance d1 to the nearest training point is below `ratio` times the
    distance d2 to the nearest one that is no twin of the first. Beside it stand a rule for d1 alone, calibrated so that
    .01 false copies are expected among all samples, and with `features` (vectors of an encoder) one for their cosine.
    The rules are applied to `test`, too: a model that has learned the law without copying has as many "copies" as fresh
    points have. Test points that are training points or twins of one are found first and set aside. Without `test`
    drawn training points, each against all others that are no twins of it, take its place.

    Each set is a path (.npy, .npz, `file.npz:name`, a folder of images), an array (n, d) or (n, *event), or a
    `Dataset`; files stay on disk. `twins` is the distance, in median distances of neighbours, up to which training
    points are twins (default: the gap of `near_duplicates.closeness`). `flips` also finds mirrored copies, `shifts`
    those moved by up to so many pixels, `tiles` copies of one tile in a grid of so many rows and columns. `out` is a
    folder in which unfinished searches are kept; `save` of the result writes the report.

    Example:
        >>> import diffmem
        >>> digits = diffmem.data.digits().points
        >>> diffmem.audit(digits[900:1000], digits[:1000], digits[1000:])
        Audit(copies: fraction=1 [0.964, 1], held-out 0)

    Cost: a float32 product of the samples with the training set, and of the held-out points; for the controls a
    fifth of 5,000 samples; as much again for each variant. Memory: below 2 GB whatever the sizes. Distances are those
    of float64 differences.

    Raises ValueError, one sentence, for sets that cannot be read or compared, for samples as `test`, and for arguments
    out of range.
    """
    options = Options(ratio, twins, flips, shifts, tiles, features)
    _check(options, out)
    check_kind("reading", reading, Reading, "a diffmem.auditing.sets.Reading")
    check_seed(seed)
    with ExitStack() as stack, followed(progress) as tell:
        folder = Path(out) / "parts" if out is not None else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for source, role in ((samples, ROLES[0]), (train, ROLES[1])):
            if source is None:
                raise ValueError(f"`{role}` must be a path, an array or a Dataset, but is None.")
        given = [(source, role) for source, role in zip((samples, train, test), ROLES) if source is not None]
        sets = [opened(source, role, reading, folder, tell) for source, role in given]
        check_used(reading, [source for source, _ in given], sets)
        _check_unseen(sets)
        sets = agreeing(sets, reading, features=features)
        return reported(measured(sets, options, Work(None if out is None else folder, tell), seed))


def _check_unseen(sets: list[PointSet]) -> None:
    """Raise ValueError where the samples are given as held-out points, too, and would be compared with themselves."""
    samples, last = sets[0], sets[-1]
    if last.role == "test" and (last.source, last.sha256) == (samples.source, samples.sha256):
        raise ValueError(f"`test` must be points that the model has not seen, but is `samples`: {last.source}.")


def _check(options: Options, out: Path | str | None) -> None:
    if out is not None and not isinstance(out, (str, os.PathLike)):
        raise ValueError(f"`out` must be the path of a folder, but is {described(out)}.")
    for name in ("shifts", "tiles"):
        check_whole(name, getattr(options, name))
    for name in ("ratio", *(("twins",) if options.twins is not None else ())):
        value = getattr(options, name)
        check_number(name, value)
        if isinstance(value, (bool, np.bool_)):
            raise ValueError(f"`{name}` must be a number, but is {value}.")
    if not 0 < options.ratio <= 1:
        raise ValueError(f"`ratio` must be above 0 and at most 1, but is {options.ratio}.")
    if options.twins is not None and not 0 <= options.twins <= 1:
        raise ValueError(f"`twins` must be between 0 and 1, but is {options.twins}.")
    if options.shifts < 0:
        raise ValueError(f"`shifts` must be at least 0, but is {options.shifts}.")
    if options.tiles < 0 or options.tiles == 1:
        raise ValueError(f"`tiles` must be 0 or at least 2, but is {options.tiles}.")
