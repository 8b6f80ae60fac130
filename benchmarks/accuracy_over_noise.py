"""Accuracy over the whole range of noise

Forward queries at noise scales from 80 to .002, in single precision, against direct differences in double precision on
the very same numbers. *Total variation* is half the sum of absolute differences of the posterior weights: compared are
the weights as `Empirical.weights` forms them, the leader weight of the pass times exponentials of gaps. *Displacement*
is the relative error of D - x, which is what the pass itself averages; participation is compared by its logarithm.
*Discarded* is the bound that the pass reports, *kept* the share of points that the screen of `Screened` cannot rule out
(1 where it is not tried, and the pass is that of `Chunked`). The worst of the queries.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import points as data

from diffmem import NoiseLevel
from diffmem.reductions import Chunked, Screened
from diffmem.reductions.screen import bounds
from diffmem.reductions.stream import chunk_gaps, frame, over_chunks
from diffmem.scores import Empirical

SIGMAS = (80.0, 20.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.1, 0.01, 0.002)


def cases(full: bool) -> list[str]:
    """One for each dimension."""
    return ["d = 784", "d = 3072"] if full else ["d = 256"]


def run(book, case: str) -> None:
    """Both reductions at every noise scale."""
    n, queries = (50_000, 3) if book.full else (2_000, 2)
    points = data.image_like(n, int(case.split("=")[1]))
    found: dict = {}
    scores = {"Chunked": Empirical(points, reduction=Chunked()), "Screened": Empirical(points, reduction=Screened())}
    for sigma in SIGMAS if book.full else SIGMAS[::3]:
        xs = data.forward(points, sigma, queries)
        truths = [data.reference(points, x, sigma) for x in xs]
        for name, score in scores.items():
            errors = compare(*answer(score, xs, jnp.float32(sigma)), xs, truths)
            kept = kept_share(score, xs, sigma) if name == "Screened" else 1.0
            found.setdefault(name, []).append(errors)
            book.entry(case=f"{n} x {case[4:]}", sigma=sigma, reduction=name, **errors, kept=kept)
    for name, most in (("Chunked", 1e-5), ("Screened", 1e-6)):
        worst = {column: max(errors[column] for errors in found[name]) for column in found[name][0]}
        book.goal(case, f"{name}: total variation of the weights", worst["total variation"], most=most)
        book.goal(case, f"{name}: relative error of the displacement", worst["displacement"], most=1e-5)
    book.goal(case, "Screened: reported bound", worst["discarded"], most=1e-6)


@eqx.filter_jit
def answer(score, xs, sigma):
    """Posteriors of a batch, and all their weights in the order of the points; one query at a time."""
    level = NoiseLevel(1.0, sigma)

    def one(x):
        posterior = score.posterior(x, level)
        view = frame(score.centres, x, jnp.ones_like(sigma), sigma, posterior.leader)

        def add(weights, chunk):
            # -inf, weight 0, for a point that was in an earlier chunk
            return weights.at[chunk.index].add(posterior.leader_weight * jnp.exp(chunk_gaps(view, chunk)[0]))

        return posterior, over_chunks(score.centres, 1024, add, jnp.zeros(score.n))

    return jax.lax.map(one, jnp.asarray(xs))


def compare(posterior, weights, xs, truths) -> dict[str, float]:
    """The worst errors of a batch."""
    errors = []
    for q, (right, displacement, _) in enumerate(truths):
        heavy = right[right > 0]
        away = np.asarray(posterior.displacement[q], float) - displacement
        errors.append(
            {
                "total variation": np.abs(np.asarray(weights[q], float) - right).sum() / 2,
                "displacement": np.linalg.norm(away) / np.linalg.norm(displacement),
                "log participation": abs(np.log(float(posterior.participation[q]) * np.sum(right**2))),
                "entropy": abs(float(posterior.entropy[q]) + np.sum(heavy * np.log(heavy))),
                "leader weight": abs(float(posterior.leader_weight[q]) - right.max()),
                "discarded": float(posterior.discarded[q]),
            }
        )
    return {name: float(max(error[name] for error in errors)) for name in errors[0]}


def kept_share(score, xs, sigma) -> float:
    """The share of points whose bound is above the threshold, on average."""
    screen, tolerance = score.centres.index, score.reduction.tolerance
    rank = int(jnp.sum(sigma > screen.reach))
    if rank == len(screen.shadows):
        return 1.0
    ones = jnp.ones(len(xs), jnp.float32)
    found = bounds(score.centres, rank, jnp.asarray(xs), ones, sigma * ones)
    threshold = np.log(tolerance / 2 / score.n) / found.scale
    return float(jnp.sum(found.upper >= threshold[:, None, None]) / (score.n * len(xs)))
