"""Arguments of the command line as values: lists of numbers, processes, learners, data sets."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from ..data import Dataset
    from ..processes import AbstractProcess
    from ..studies import Learner


class ShortName(NamedTuple):
    """What the short name of a process stands for."""

    name: str
    """Name of the class in `processes`."""
    lowest: str
    """Its argument for the lowest noise."""
    value: float
    """Default of that argument."""


PROCESSES = {
    "ou": ShortName("OrnsteinUhlenbeck", "t_min", 1e-5),
    "vp": ShortName("VariancePreserving", "t_min", 1e-5),
    "cosine": ShortName("CosineVariancePreserving", "t_min", 1e-5),
    "fm": ShortName("FlowMatching", "t_min", 1e-5),
    "ve": ShortName("VarianceExploding", "sigma_min", 0.002),
    "edm": ShortName("EDM", "sigma_min", 0.002),
}
BUNDLED = ("digits", "mnist")

DATA = Annotated[str, typer.Argument(help="digits, mnist, a .npy or .npz file, or a folder of images.")]
RANGE = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Numbers of the file that become -1 and 1, such as 0,255. Default: as `data.load` says for pixels; other "
        "numbers are kept.",
    ),
]
ARRAY = Annotated[str | None, typer.Option(help="Name of the array of points in a .npz file.")]
SHAPE = Annotated[
    list[str] | None, typer.Option(help="Shape of one point that the array holds flat: 8,8 makes images of rows of 64.")
]


def whole_numbers(texts: list[str] | None, option: str) -> tuple[int, ...] | None:
    """`128,512`, or one number for each use of the option, as numbers; None stays None."""
    if not texts:
        return None
    try:
        return tuple(int(part) for text in texts for part in text.split(","))
    except ValueError:
        given = " ".join(texts)
        raise ValueError(
            f"`{option}` must be whole numbers separated by commas, such as 128,512, but is {given!r}."
        ) from None


def process_called(name: str, t_min: float | None, sigma_min: float | None) -> "AbstractProcess":
    """The process of a short name, which ends at `t_min` or `sigma_min`.

    By default the end is below the collapse of thousands of points in 4 dimensions. Raises ValueError for an unknown
    name, and for the one of the two that the process does not have.
    """
    from .. import processes

    if name not in PROCESSES:
        raise ValueError(f"`--process` must be one of {', '.join(PROCESSES)}, but is {name!r}.")
    found = PROCESSES[name]
    given = {key: value for key, value in (("t_min", t_min), ("sigma_min", sigma_min)) if value is not None}
    if given.keys() - {found.lowest}:
        wanted, wrong = (f"--{key.replace('_', '-')}" for key in (found.lowest, *(given.keys() - {found.lowest})))
        raise ValueError(f"`--process {name}` must be used with `{wanted}`, but is given `{wrong}`.")
    return getattr(processes, found.name)(**{found.lowest: found.value, **given})


def learner_called(name: str) -> "Learner | None":
    """The learner of a short name, `gaussian` or `mixture:8`; None for the exact score.

    Raises ValueError for another name, and for a size that is missing, not allowed, or not a whole number of at least
    1.
    """
    from ..studies.collapse import learners

    kind, _, size = name.partition(":")
    plain = {"empirical": None, "gaussian": learners.GaussianLearner()}
    sized = {
        "mixture": learners.MixtureLearner,
        "random-features": learners.RandomFeatureLearner,
        "mlp": learners.MLPLearner,
    }
    if kind in plain and not size:
        return plain[kind]
    if kind in sized and size.isdecimal() and int(size) >= 1:
        return sized[kind](int(size))
    choices = ", ".join([*plain, *(f"{one}:NUMBER" for one in sized)])
    raise ValueError(f"`--score` must be one of {choices}, but is {name!r}.")


class Reading(NamedTuple):
    """How a file is read: options of `data.load` as they were typed."""

    range: str | None = None
    array: str | None = None
    shape: list[str] | None = None


AS_FOUND = Reading()


def dataset_called(name: str, reading: Reading = AS_FOUND) -> "Dataset":
    """`digits`, `mnist`, or the points in a file or folder, read as the options say; warnings are left to its notes.

    Raises ValueError for options with bundled data, and as `data.load` does.
    """
    from .. import data

    given = [f"`--{option}`" for option, value in reading._asdict().items() if value is not None]
    if name in BUNDLED and given:
        raise ValueError(f"{' and '.join(given)} must be used with a file or folder, but the data are {name}.")
    if name in BUNDLED:
        return getattr(data, name)()
    if not Path(name).exists():
        raise ValueError(f"`DATA` must be digits, mnist, or a file or folder that exists, but is {name!r}.")
    shape = whole_numbers(reading.shape, "--shape")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return data.load(name, range=number_pair(reading.range, "--range"), array=reading.array, shape=shape)


def number_pair(text: str | None, option: str) -> tuple[float, float] | None:
    """`0,255` as two numbers; None stays None."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"`{option}` must be two numbers, such as 0,255, but is {text!r}.") from None
    return low, high


def in_precision(dataset: "Dataset", dtype: str | None) -> "Dataset":
    """The points in float32 or float64; as they were read without a dtype.

    Raises ValueError for another dtype, and for float64 while JAX's x64 is off.
    """
    from ..level import requested_dtype

    if dtype is None:
        return dataset
    try:
        points = dataset.points.astype(requested_dtype(dtype))
    except TypeError:
        raise ValueError(f"`--dtype` must be float32 or float64, but is {dtype!r}.") from None
    return dataset.with_points(points, event_shape=dataset.event_shape, value_range=dataset.value_range)


def folder_for(out: Path, files: tuple[str, ...] = ()) -> Path:
    """The folder for results, with `~` as the user's home; raises ValueError unless these files can be made in it."""
    from ..whole_files import check_folder, expanded

    found = expanded(out)
    check_folder("--out", found)
    for name in files:
        if (found / name).is_dir():
            raise ValueError(f"`--out` must have room for the file {name}, but {found / name} is a folder.")
    return found
