"""A training set: flat points with their labels, event shape and value range."""

import dataclasses
import hashlib
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from ..annotations import Numbers, Points, RandomKey
from ..checks import as_values, brief, check_count, is_real
from ..representation import one_line
from ..tensors import read_tensor
from .skipped import Skipped


class Dataset(eqx.Module):
    """n points of dimension d, with labels, event shape and value range.

    Built from `points` of shape (n, d) or (n, *event_shape), which are flattened. Floating points keep their precision
    (float64 becomes float32 while x64 is off, as everywhere in JAX); integers and booleans become float32, unscaled.
    `value_range` defaults to the extremes of the points. Its arrays are read-only views; an array that is given in the
    right form is not copied, and must not be changed afterwards.

    Raises ValueError if there are no points, an entry is NaN, infinite or not a real number, or labels (integers of 32
    bits), event shape or names do not fit.
    """

    points: Float[np.ndarray, "n d"]
    """Flat points."""
    labels: Int[np.ndarray, " n"] | None
    """One integer for each point, or None."""
    event_shape: tuple[int, ...] = eqx.field(static=True)
    """Shape of one point before flattening, such as (8, 8)."""
    value_range: tuple[float, float] = eqx.field(static=True)
    """Lowest and highest value an entry may take."""
    name: str = eqx.field(static=True)
    """Where the data come from, and how their dimension was reduced."""
    names: tuple[str, ...] | None = eqx.field(static=True, repr=False)
    """Where each point comes from, such as the path of its image in the folder, or None."""
    classes: tuple[str, ...] | None = eqx.field(static=True, repr=False)
    """What the labels 0, 1, ... stand for, or None."""
    source_range: tuple[float, float] | None = eqx.field(static=True, repr=False)
    """The numbers of the source that became -1 and 1; None where numbers are as in the source."""
    notes: tuple[str, ...] = eqx.field(static=True, repr=False)
    """What was done when the data were read, in sentences: the range of values, what was left out."""
    skipped: tuple[Skipped, ...] = eqx.field(static=True, repr=False)
    """Files that could not be read, each with its cause."""

    __repr__ = one_line

    def __init__(
        self,
        points: Points,
        labels: Numbers | None = None,
        *,
        event_shape: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
        name: str = "data",
        names: tuple[str, ...] | None = None,
        classes: tuple[str, ...] | None = None,
        source_range: tuple[float, float] | None = None,
        notes: tuple[str, ...] = (),
        skipped: tuple[Skipped, ...] = (),
    ):
        points, labels = _finite(np.asarray(as_values("points", points))), read_tensor(labels)
        n, *event = points.shape
        self.points = _frozen(points.reshape(n, -1))
        self.labels = None if labels is None else _frozen(_labels(np.asarray(labels), n))
        self.event_shape = tuple(event) if event_shape is None else tuple(event_shape)
        extremes = float(points.min()), float(points.max())
        self.value_range = extremes if value_range is None else _ends("value_range", value_range)
        self.name = name
        self.names, self.classes = names, classes
        self.source_range = None if source_range is None else _ends("source_range", source_range)
        self.notes, self.skipped = notes, skipped
        if names is not None and len(names) != n:
            raise ValueError(f"`names` must be {n}, one for each point, but are {len(names)}.")
        for size in self.event_shape:
            check_count("event_shape", size)
        if math.prod(self.event_shape) != self.d:
            raise ValueError(f"`event_shape` must hold {self.d} entries, as one point does, but is {self.event_shape}.")

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """The points in their event shape: where points are asked for, a data set stands for its own."""
        return np.array(self.events, dtype=dtype, copy=copy)

    @property
    def n(self) -> int:
        """Number of points."""
        return self.points.shape[0]

    @property
    def d(self) -> int:
        """Dimension of one flat point."""
        return self.points.shape[1]

    @property
    def events(self) -> Float[np.ndarray, "n *event"]:
        """The points in their event shape, for instance as images (a view)."""
        return self.points.reshape(self.n, *self.event_shape)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the SHA-256 of dtype, shape and bytes of the points; the same on every machine."""
        little_endian = self.points.astype(self.points.dtype.newbyteorder("<"), copy=False)
        digest = hashlib.sha256(f"{little_endian.dtype.str}{self.points.shape}".encode())
        digest.update(np.ascontiguousarray(little_endian).data)
        return digest.hexdigest()[:16]

    def subset(self, index: slice | Int[ArrayLike, " m"] | Bool[ArrayLike, " n"]) -> "Dataset":
        """The points at `index` (a slice, positions, or a mask), with the value range of the whole.

        Raises ValueError if a position or the end of the slice lies beyond the data, or nothing is selected.
        """
        if isinstance(index, slice):
            self._check_n(index.stop or 0)
        else:
            index = _positions(np.asarray(index), self.n)
        labels = None if self.labels is None else self.labels[index]
        names = None if self.names is None else tuple(np.asarray(self.names, object)[index].tolist())
        if self.points[index].shape[0] == 0:
            raise ValueError(
                f"`index` must select at least one of the {self.n} points in {self.name}, but selects none."
            )
        return dataclasses.replace(self, points=self.points[index], labels=labels, names=names)

    def with_points(
        self,
        points: ArrayLike,
        *,
        name: str | None = None,
        event_shape: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> "Dataset":
        """The same n points in other numbers, such as other coordinates, with labels, names and notes of these.

        `event_shape` and `value_range` default to those of `points`. Raises ValueError unless there are n of them.
        """
        if np.shape(points)[:1] != (self.n,):
            raise ValueError(f"`points` must be {self.n}, one for each, but have shape {np.shape(points)}.")
        name = self.name if name is None else name
        return dataclasses.replace(self, points=points, name=name, event_shape=event_shape, value_range=value_range)

    def take(self, n: int, *, key: RandomKey) -> "Dataset":
        """n of the points, drawn without replacement; with the same key a larger draw begins with a smaller one.

        Raises ValueError unless 1 <= n <= the number of points.
        """
        check_count("n", n)
        self._check_n(n)
        return self.subset(np.asarray(jax.random.permutation(key, self.n))[:n])

    def _check_n(self, n: int) -> None:
        if n > self.n:
            raise ValueError(f"`n` must be at most {self.n}, the number of points in {self.name}, but is {n}.")


def check_events(points: np.ndarray) -> None:
    """Raise ValueError unless points have shape (n, d) or (n, *event), are not empty and hold real numbers."""
    if points.ndim < 2 or 0 in points.shape:
        raise ValueError(
            f"`points` must have shape (n, d) or (n, *event) and hold at least one, but have {points.shape}."
        )
    if not is_real(points.dtype):
        raise ValueError(f"`points` must be real numbers, but have dtype {points.dtype}.")


def _finite(points: np.ndarray) -> np.ndarray:
    check_events(points)
    wide = jnp.issubdtype(points.dtype, np.floating) and points.dtype.itemsize > 4
    dtype = jax.dtypes.canonicalize_dtype(np.float64) if wide else np.dtype(np.float32)
    with np.errstate(over="ignore"):
        values = points.astype(dtype, order="C", copy=False)
    if np.isfinite(values).all():
        return values
    bad = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
    raise ValueError(f"`points` must be finite in {dtype}, but point {bad} has NaN, infinite or too large entries.")


def _labels(labels: np.ndarray, n: int) -> np.ndarray:
    if labels.shape != (n,) or labels.dtype.kind not in "iub":
        raise ValueError(
            f"`labels` must be {n} integers, one for each point, but are {labels.dtype} of shape {labels.shape}."
        )
    if labels.size and not (labels.min() >= -(2**31) and labels.max() < 2**31):
        raise ValueError(f"`labels` must lie within 32 bits, but run from {labels.min()} to {labels.max()}.")
    return labels.astype(np.int32)


def _positions(index: np.ndarray, n: int) -> np.ndarray:
    if index.dtype.kind == "b":
        if index.shape != (n,):
            raise ValueError(f"A mask `index` must have shape ({n},), but has {index.shape}.")
        return np.flatnonzero(index)
    if index.size and not (-n <= index.min() and index.max() < n):
        raise ValueError(f"`index` must lie between {-n} and {n - 1}, but runs from {index.min()} to {index.max()}.")
    return index


def _frozen(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _ends(name: str, given) -> tuple[float, float]:
    """Two finite numbers, the lower one first, as floats."""
    ends = as_values(name, given)
    if np.shape(ends) != (2,) or not -math.inf < ends[0] <= ends[1] < math.inf:
        raise ValueError(f"`{name}` must be two finite numbers, the lower one first, but is {brief(ends)}.")
    return float(ends[0]), float(ends[1])
