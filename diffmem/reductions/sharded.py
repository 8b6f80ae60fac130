"""The reduction whose centres are split over the devices of a mesh, on one host or many."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, ArrayLike

from ..level import float_dtype
from .centres import Centres
from .chunked import AbstractStreamed, Chunked
from .plan import Plan


class Sharded(AbstractStreamed):
    """Each device of `mesh` keeps its share of the centres, sums over it as `Chunked` does, and all add up their sums.

    `Empirical(points, weights, Sharded(mesh))` places the points: split over the mesh axes `axis` (one name or several;
    default: all of them), completed to equal shares by points of weight 0 that the score does not show. Arrays on the
    host (memory-mapped ones too) are copied share by share, those that live on several devices move between devices. No
    device ever holds all points, whatever is asked, derivatives and covariances included; only `score.points`, where
    shares were completed, gathers them.

    The same program runs on one device, on several, and in several processes under JAX's own runtime, each of which
    makes the same calls and gets the same numbers. Two processes, given the first one's address and their own number:

        import sys
        import jax
        import numpy as np
        from diffmem import reductions, scores
        from diffmem.level import NoiseLevel

        jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
        mesh = jax.make_mesh((jax.device_count(),), ("points",))
        points = np.random.default_rng(0).normal(size=(1001, 48))  # or np.load(path, mmap_mode="r")
        score = scores.Empirical(points, reduction=reductions.Sharded(mesh))
        found = score.posterior(points[7] + 0.1, NoiseLevel(1.0, 0.5))
        print(found.leader, found.participation)

    There, functions compiled by the user take the score as an argument (`equinox.filter_jit`): JAX closes over no array
    that other processes hold a part of.

    Weights are placed in the precision of the points: one below 1e-38 of the largest is 0 in single precision.
    Cost: that of `Chunked` for n / devices centres, and d + 8 numbers for each query from each device to all. Queries
    are replicated; `jax.vmap(..., spmd_axis_name="queries")` splits them over a mesh axis "queries" outside `axis`.
    Pickled, it looks for its devices by number; a pickled score comes back on one device, and each use splits it again.
    Raises ValueError for axes that the mesh does not have, and for pickled devices that are not there.
    """

    mesh: Mesh = eqx.field(static=True)
    axis: tuple[str, ...] = eqx.field(static=True)
    size: int | None = eqx.field(static=True)
    """Centres of a share in one chunk, as in `Chunked`."""

    def __init__(self, mesh: Mesh, axis: str | tuple[str, ...] | None = None, size: int | None = None):
        names = mesh.axis_names if axis is None else (axis,) if isinstance(axis, str) else tuple(axis)
        if not names or not set(names) <= set(mesh.axis_names):
            raise ValueError(f"`axis` must be among the axes {mesh.axis_names} of the mesh, but is {axis!r}.")
        # axes of explicit type would ask for shardings in every line of array code
        self.mesh = Mesh(mesh.devices, mesh.axis_names)
        self.axis = names
        self.size = size

    def __reduce__(self):
        devices = self.mesh.devices
        numbers = np.vectorize(lambda device: device.id, otypes=[int])(devices)
        return _rebuilt, (devices.flat[0].platform, numbers, self.mesh.axis_names, self.axis, self.size)

    @property
    def shards(self) -> int:
        """Parts that the centres are kept in."""
        return int(np.prod([self.mesh.shape[name] for name in self.axis]))

    def place(self, points: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
        """Both split over the devices: copies of the last point without weight complete the last shares."""
        n = np.shape(points)[0]
        padding = -n % self.shards
        dtype = float_dtype(points)
        weights = np.ones(n, dtype) if weights is None else weights
        if not isinstance(weights, jax.Array):
            # they may be smaller or larger than the dtype holds
            weights = np.asarray(weights, np.float64) / np.max(weights)
        pad = jnp.pad if isinstance(weights, jax.Array) else np.pad
        return self._split(points, n + padding, dtype), self._split(pad(weights, (0, padding)), n + padding, dtype)

    def _split(self, values: ArrayLike, length: int, dtype) -> Array:
        """`values` completed to this length by copies of the last one."""
        sharding = NamedSharding(self.mesh, PartitionSpec(self.axis))
        n = np.shape(values)[0]
        if isinstance(values, jax.core.Tracer) or (isinstance(values, jax.Array) and len(values.devices()) > 1):

            def extended(values):
                widths = [(0, length - n)] + [(0, 0)] * (values.ndim - 1)
                values = jnp.pad(values.astype(dtype), widths, mode="edge")
                return jax.lax.with_sharding_constraint(values, sharding)

            return jax.jit(extended)(values)
        values = np.asanyarray(values)

        def share(index):
            rows = np.minimum(np.arange(length)[index[0]], n - 1)
            return np.asarray(values[rows], dtype)

        return jax.make_array_from_callback((length, *values.shape[1:]), sharding, share)

    def fold(self, function: Callable, join: Callable, centres: Centres, *arguments: Any) -> Any:
        """One part on each device; their results are gathered on all and joined there, all in the same order."""

        def of_device(part, *arguments):
            first = jax.lax.axis_index(self.axis).astype(jnp.int32) * part.n
            part = eqx.tree_at(lambda part: part.first, part, first, is_leaf=lambda leaf: leaf is None)
            stacked = jax.lax.all_gather(function(part, *arguments), self.axis)
            found = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(self.shards)]
            return reduce(lambda one, other: join(one, other, *arguments), found)

        split, whole = PartitionSpec(self.axis), PartitionSpec()
        rows = lambda all: (all.offsets, all.squares, all.squares_low, all.weights, all.log_weights)  # noqa: E731
        specs = eqx.tree_at(rows, jax.tree.map(lambda _: whole, centres), (split,) * 5)
        across = jax.shard_map(
            of_device,
            mesh=self.mesh,
            in_specs=(specs, *[whole for _ in arguments]),
            out_specs=whole,
            axis_names=set(self.axis),  # the compiler splits the queries over other axes as they come
            check_vma=False,  # the loops of the passes start from constants, which the check takes for replicated
        )
        return across(centres, *arguments)

    def plan(self, n: int, d: int) -> Plan:
        """That of `Chunked` for one share."""
        return Chunked(self.size).plan(-(-n // self.shards), d)


def _rebuilt(platform: str, numbers, axis_names, axis, size) -> Sharded:
    """The reduction on the devices of these numbers."""
    present = {device.id: device for device in jax.devices(platform)}
    missing = sorted(set(numbers.flat) - set(present))
    if missing:
        raise ValueError(f"`mesh` must consist of devices that are present, but {platform} devices {missing} are not.")
    devices = np.vectorize(present.get, otypes=[object])(numbers)
    return Sharded(Mesh(devices, axis_names), axis, size)
