"""Data of any dimension d in the coordinates of their span: n points need at most n coordinates.

With `x_t = alpha x_0 + sigma z` and every x_0 in the span of the points, which has r dimensions, the part of x
orthogonal to the span is `sigma z_orth`, z_orth ~ N(0, I) in d - r dimensions, at every time and independent of the
rest. The posterior weights, the denoiser and the part of the path inside the span do not depend on it. A linear
isometry of the span therefore maps a simulation in R^d to one in R^r with the law of its part in the span. The map is
linear, not affine: paths shrink by alpha towards the origin, so the mean of the points is not subtracted. Derived.
"""

import equinox as eqx
import jax.random as jr
import numpy as np
from jaxtyping import ArrayLike, Float, Real

from ..annotations import Numbers, Points, RandomKey, Scalar
from ..checks import check_count
from ..representation import one_line
from .dataset import Dataset, check_events
from .distinct import first_equal
from .isometry import Frame, along_axes, along_points, combinations, inner_products, row_norms


class SpanCoordinates(eqx.Module):
    """Points in coordinates of their linear span, and the map back to R^d; what `span_coordinates` returns.

    `lift` and `project` are inverse isometries between R^r and the span, with an orthonormal basis Q (d, r):
    `lift(c) = Q c`, `project(x) = Q^T x`. Both run on the host in float64, block by block, and answer in the precision
    of the points. Where Q can be formed from combinations of the points to 1e-10 (6e-8 for float32), nothing of size d
    is stored: the object refers to the array it was made from, which must not be changed.
    """

    points: Float[np.ndarray, "n r"]
    """Coordinates of the points: `points @ points.T` are their inner products in R^d."""
    event_shape: tuple[int, ...] = eqx.field(static=True)
    """Shape of one point in R^d before flattening."""
    _frame: Frame

    __repr__ = one_line

    @property
    def rank(self) -> int:
        """r, the number of coordinates; 1 where all points are zero."""
        return self.points.shape[1]

    @property
    def d(self) -> int:
        """Dimension of the points before the reduction."""
        return self._frame[0].shape[1]

    def lift(self, coordinates: Real[ArrayLike, "*batch r"]) -> Float[np.ndarray, "*batch_and_event"]:
        """The vectors of R^d, (*batch, *event_shape), that have these coordinates; 2 d r operations for each."""
        coordinates = np.asarray(coordinates)
        if coordinates.shape[-1:] != (self.rank,):
            raise ValueError(
                f"`coordinates` must end in {self.rank} entries, the rank, but have shape {coordinates.shape}."
            )
        *batch, _ = coordinates.shape
        flat = coordinates.reshape(-1, self.rank).astype(np.float64)
        lifted = combinations(flat, self._frame, self.points.dtype)
        return lifted.reshape(*batch, *self.event_shape)

    def project(self, x: Numbers) -> Float[np.ndarray, "*batch r"]:
        """Coordinates (*batch, r) of the parts of x (*batch, *event_shape) in the span; 2 d r operations for each."""
        x = np.asarray(x)
        depth = x.ndim - len(self.event_shape)
        if depth < 0 or x.shape[depth:] != self.event_shape:
            raise ValueError(f"`x` must have shape (*batch, *{self.event_shape}), but has {x.shape}.")
        inner = inner_products(x.reshape(-1, self.d), self._frame)
        return inner.astype(self.points.dtype).reshape(*x.shape[:depth], self.rank)

    def orthogonal_noise(self, sigma: Scalar, count: int, *, key: RandomKey) -> Float[np.ndarray, " count"]:
        """What the d - r dropped coordinates add to squared distances of a noisy state: `data.orthogonal_noise`."""
        return orthogonal_noise(self.d - self.rank, sigma, count, key=key)


def span_coordinates(points: Points) -> SpanCoordinates:
    """The points (n, d) or (n, *event) in r <= min(n, d) coordinates of their linear span.

    `points_i = Q c_i`, so that `c_i . c_j = y_i . y_j`: distances, norms and the mean stay. A score of the coordinates,
    sampled in R^r, has the law of the score of the points in R^d. Three quantities depend on the other d - r
    dimensions: `log_prob` in R^d is that in R^r plus `log N(x_orth; sigma^2 I)`, the divergence of the score has
    another `-(d - r) / sigma^2`, and a state that still carries noise is further from every point:

        span = data.span_coordinates(train)
        score = scores.Empirical(span.points)
        out = dm.sample(score, process, DDIM(), times, (span.rank,), count, key=a, finish="state")
        squared = metrics.nearest(out.points, span.points, k=2).distance ** 2
        squared += span.orthogonal_noise(process.level(times[-1]).sigma, count, key=b)[:, None]

    With d > n: orthogonal-triangular factors (of the points divided by their norms) in float64, then pivoted;
    coordinates are lower-triangular in the order of the pivots. With d <= n: the points as they are if they span R^d,
    else along their right singular vectors. A direction is dropped where this moves no point by 1e-12 of its norm (with
    d <= n: not in the root mean square). All points zero: one coordinate, zero.

    Accuracy: backward stable, an error of a few 1e-15 of a point's norm whatever the condition number, before the
    coordinates are rounded to float32 or float64 like the points (integers and half precision: to float32). Equal
    points have equal coordinates; far from the origin they round at their distance from it, as in R^d. Cost: 2 d n^2
    operations (d <= n: 2 n d^2) and three passes; memory n^2 and blocks of 64 MiB beside the points, and r d numbers
    where directions are too weak for combinations of the points (see `SpanCoordinates`), such as those between
    near-copies in float64. Raises ValueError for no points, and entries that are NaN, infinite or not real numbers.
    """
    points = np.asarray(points)
    check_events(points)
    n, *event = points.shape
    wide = points.dtype.kind == "f" and points.dtype.itemsize > 4
    dtype = np.dtype(np.float64 if wide else np.float32)
    flat = points.reshape(n, -1)
    norms = row_norms(flat)
    with np.errstate(over="ignore"):
        finite = np.isfinite(norms.astype(dtype))
    if not finite.all():
        bad = int(np.argmin(finite))
        raise ValueError(f"`points` must be finite, but point {bad} has NaN, infinite or too large entries.")
    isometry = along_points if flat.shape[1] > n else along_axes
    coordinates, frame = isometry(flat, norms, dtype)
    first = first_equal(flat)
    if (first != np.arange(n)).any():  # products may round a row by its place, and equal points must stay equal
        coordinates = coordinates[first]
    coordinates.flags.writeable = False
    return SpanCoordinates(coordinates, tuple(event), frame)


def orthogonal_noise(dimensions: int, sigma: Scalar, count: int, *, key: RandomKey) -> Float[np.ndarray, " count"]:
    """`sigma^2 chi^2_k`, the squared length of noise sigma z, z ~ N(0, I_k), in k = `dimensions` dropped dimensions.

    Added to the squared distances between a noisy state in coordinates and the training points, one draw for a state,
    it gives their exact joint law in R^d. k may be 0, or 10^12 and beyond. float64, as a distance in high dimension
    fluctuates in its last digits; draw i depends on key and i only.
    Raises ValueError if k or sigma is negative, sigma is not finite, or count is not at least 1.
    """
    check_count("count", count)
    if dimensions < 0:
        raise ValueError(f"`dimensions` must be at least 0, but is {dimensions}.")
    sigma = float(np.asarray(sigma))
    if not 0 <= sigma < np.inf:
        raise ValueError(f"`sigma` must be finite and at least 0, but is {sigma}.")
    if dimensions == 0:
        return np.zeros(count)
    return sigma**2 * _generator(key).chisquare(dimensions, count)


def gaussian_span(n: int, d: int, key: RandomKey) -> Dataset:
    """n points of N(0, I_d) in min(n, d) coordinates of their span, drawn without ever forming one of d entries.

    Bartlett's decomposition: `L_ij ~ N(0, 1)` for j < i, `L_ii ~ chi_{d-i}` (i, j from 0), zero above, all
    independent; rows i >= d are N(0, I_d). `L L^T` has the law of the inner products of the points, on which alone an
    empirical score depends. Squared distances have mean 2 d and variance 8 d. d may be 10^12 and beyond.

    Drawn in float64 and rounded to the working precision: in float32 the entry L_ii, near sqrt(d), keeps its
    fluctuation (.7 for every d) to 6e-8 sqrt(d). Point i depends on key, d and i only (a larger n adds rows, and zeros
    behind the earlier ones); its entries before L_ii do not depend on d. n min(n, d) numbers in memory.
    Raises ValueError if n or d is below 1.
    Source: Bartlett, Proc. R. Soc. Edinburgh 53 (1933) 260.
    """
    check_count("n", n)
    check_count("d", d)
    points = np.zeros((n, min(n, d)))
    for i, row in enumerate(points):
        generator = _generator(key, i)
        row[:i] = generator.standard_normal(min(i, d))
        if i < d:
            row[i] = np.sqrt(generator.chisquare(d - i))
    return Dataset(points, name="gaussian_span")


def _generator(key: RandomKey, *index: int) -> np.random.Generator:
    words = np.asarray(jr.key_data(key)).ravel().tolist()
    return np.random.default_rng(np.random.SeedSequence(words, spawn_key=index))
