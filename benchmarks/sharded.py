"""Points split over devices

Eight devices that share this machine's cores, forced on the CPU: the posterior of a batch with the points split over
them is that of one device, in double precision. As they share the cores, nothing can become faster; the time shows what
splitting costs.
"""

from functools import partial

import equinox as eqx
import jax
import numpy as np
import points as data
from book import ratio
from measure import Contender, compiled, race

from diffmem import NoiseLevel, reductions
from diffmem.reductions import Chunked
from diffmem.scores import Empirical

ENVIRONMENT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
DOUBLE = True
FIELDS = ("log_prob", "mean", "displacement", "entropy", "participation", "leader_weight")


def cases(full: bool) -> list[str]:
    """Points x dimensions."""
    return ["50000 x 784", "50001 x 784"] if full else ["1001 x 48"]


def run(book, case: str) -> None:
    """Both, and their largest relative difference at several levels."""
    n, d = (int(word) for word in case.split(" x "))
    points = data.image_like(n, d).astype(np.float64)
    mesh = jax.make_mesh((len(jax.devices()),), ("points",))
    ways = {"one device": Chunked(), "8 devices": reductions.Sharded(mesh)}
    worst = 0.0
    for sigma in (8.0, 2.0, 0.1) if book.full else (2.0,):
        queries = data.forward(points.astype(np.float32), sigma, 64).astype(np.float64)
        kept = {}
        contenders = [Contender(name, partial(posterior, way, points, queries, sigma)) for name, way in ways.items()]
        found = race(book, f"{case}, sigma {sigma:g}", contenders, ours="one device", error=partial(keep, kept))
        off = difference(*kept["found"]) if len(kept.get("found", [])) == 2 else np.nan
        worst = np.maximum(worst, off)
        cost = ratio(found, "8 devices", "one device")
        book.entry(case=case, sigma=sigma, **{"largest relative difference": off, "time, 8 devices / one": cost})
    book.goal(case, "largest relative difference", worst, most=1e-12)


def keep(kept, result):
    """Remember the result; it has no error of its own."""
    kept.setdefault("found", []).append(jax.tree.map(np.asarray, result))


def difference(a, b) -> float:
    """The largest over fields and queries, in units of the field's largest value."""
    pairs = [(getattr(a, name), getattr(b, name)) for name in FIELDS]
    return float(max(np.abs(x - y).max() / np.abs(x).max() for x, y in pairs))


def posterior(reduction, points, queries, sigma):
    """A vmapped posterior."""
    score = Empirical(points, reduction=reduction)
    arrays, static = eqx.partition(score, eqx.is_array)

    def batch(arrays, x):
        return jax.vmap(lambda x: eqx.combine(arrays, static).posterior(x, NoiseLevel(1.0, sigma)))(x)

    return compiled(batch, arrays, queries)
