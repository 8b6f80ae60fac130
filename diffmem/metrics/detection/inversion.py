"""Inversion of a target: the least change of the noise law that makes a score generate it."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ...annotations import Numbers, Point, Points, RandomKey, Scalar
from ...arithmetic import HIGHEST
from ...checks import check_count, check_points
from ...dataframe import rows_as_dataframe
from ...integrators import DDIM, AbstractIntegrator
from ...level import NoiseLevel, float_dtype, strong
from ...processes import AbstractProcess
from ...representation import one_line
from ...scores import AbstractScore

SMOOTHED = 100  # steps over which the loss is averaged to see whether it still falls
Similarity = Callable[[Array, Array], Scalar]


def cosine(a: Point, b: Point) -> Float[Array, ""]:
    """The cosine of two points."""
    dtype = float_dtype(a, b)
    a, b = strong(a, dtype), strong(b, dtype)
    return jnp.vdot(a, b, precision=HIGHEST) / (jnp.linalg.norm(a.ravel()) * jnp.linalg.norm(b.ravel()))


class Inversion(NamedTuple):
    """The noise law N(mean, diag exp(log_variance)) that was found for each target."""

    measure: Float[Array, "count"]
    """`KL(N(mean, Sigma) || N(0, I))/d` in nats, d the number of coordinates; infinite where it never succeeded."""
    mean: Float[Array, "count *shape"]
    log_variance: Float[Array, "count *shape"]
    steps: Int[Array, "count"]
    """Updates that were made."""

    to_dataframe = rows_as_dataframe
    __repr__ = one_line

    def draw(self, target: int, n: int, *, key: RandomKey) -> Float[Array, "n *shape"]:
        """n noises of the law that was found for one target, to be scaled by sigma at the first time."""
        mean, log_variance = self.mean[target], self.log_variance[target]
        return _Law(mean, log_variance).draw(n, key)


def inversion(
    score: AbstractScore,
    targets: Points,
    process: AbstractProcess,
    times: Numbers,
    key: RandomKey,
    *,
    threshold: Scalar = 0.5,
    similarity: Similarity = cosine,
    updates: int = 2000,
    every: int = 10,
    test_first: bool = True,
    batch: int = 32,
    trials: int = 8,
    rate: float = 0.1,
    weight_step: float = 5e-4,
    least_fall: float = 1e-3,
    log_snr: tuple[float, float] = (-6.0, 6.0),
    integrator: AbstractIntegrator | None = None,
) -> Inversion:
    """InvMM: the divergence from N(0, I) of a noise law whose samples all flow to the target; smaller = more memorized.

    For each target x_0 (count, *shape), Adam lowers

        E |D(alpha x_0 + sigma n) - x_0|^2/d + w KL(N(mu, Sigma) || N(0, I))/d,      n ~ N(mu, Sigma), diagonal,

    over mu and log Sigma, with `batch` noises a step and log alpha^2/sigma^2 uniform in `log_snr`. The weight w is 1 at
    first, grows by `weight_step` a step, and is halved after each `every` steps in which the mean loss of the last 100
    fell by less than `least_fall`. After each `every` steps and after the last, and with `test_first` before the first,
    `trials` samples are drawn: success where the flow from times[0] carries all of them to D with `similarity(D, x_0)
    >= threshold`.

    Bound (derived): if the flow of N(0, I) ends in the set S of similar points with probability pi_S, a law that ends
    there with probability q has `KL >= kl(q || pi_S)` (`theory.bernoulli_divergence`), for an exact empirical score
    with pi_S the prior mass of the training points in S. So the measure is at least log(1/pi_S)/d for a sure success.

    The score must have a derivative. Cost: `updates * (batch + trials * steps of the grid / every)` evaluations for a
    target that never succeeds. Raises ValueError for counts below 1.
    Source: Ma et al., arXiv:2405.05846; its code tests after the first `every` steps only.
    """
    check_points(targets)
    for name, count in {"updates": updates, "every": every, "batch": batch, "trials": trials}.items():
        check_count(name, count)
    targets = strong(targets, float_dtype(targets))
    solver = DDIM() if integrator is None else integrator
    sizes = _Sizes(updates, every, test_first, batch, trials)
    constants = jnp.asarray([threshold, rate, weight_step, least_fall, *log_snr], targets.dtype)
    keys = jax.random.split(key, len(targets))
    return _each(sizes, similarity, constants, score, process, solver, jnp.asarray(times), targets, keys)


class _Law(NamedTuple):
    mean: Array
    log_variance: Array

    def draw(self, n: int, key: RandomKey):
        z = jax.random.normal(key, (n, *self.mean.shape), self.mean.dtype)
        return self.mean[None] + jnp.exp(self.log_variance / 2)[None] * z

    def divergence(self):
        """KL/d from N(0, I)."""
        return jnp.mean(self.mean**2 + jnp.exp(self.log_variance) - self.log_variance - 1) / 2


class _Sizes(NamedTuple):
    updates: int
    every: int
    test_first: bool
    batch: int
    trials: int


class _State(NamedTuple):
    law: _Law
    moments: PyTree
    weight: Array
    losses: Float[Array, "smoothed"]
    smoothed: Array
    step: Int[Array, ""]
    done: Bool[Array, ""]
    over: Bool[Array, ""]
    """Whether the law after the last update is tested, without success."""


@eqx.filter_jit
def _each(sizes, similarity, constants, score, process, solver, times, targets, keys):
    def one(target, key):
        search = _Search(sizes, similarity, constants, score, process, solver, times, target, key)
        end = search.run()
        measure = jnp.where(end.done, end.law.divergence(), jnp.inf)
        return Inversion(measure, end.law.mean, end.law.log_variance, end.step)

    return jax.vmap(one)(targets, keys)


class _Search(NamedTuple):
    """The search for one target."""

    sizes: _Sizes
    similarity: Similarity
    constants: Float[Array, "6"]
    score: AbstractScore
    process: AbstractProcess
    solver: AbstractIntegrator
    times: Array
    target: Array
    key: RandomKey

    def run(self) -> _State:
        law = _Law(jnp.zeros_like(self.target), jnp.zeros_like(self.target))
        zero = jnp.zeros((), self.target.dtype)
        losses = jnp.full(SMOOTHED, jnp.nan, self.target.dtype)
        moments = self.optimiser().init(law)
        no = jnp.asarray(False)
        start = _State(law, moments, zero + 1, losses, zero + jnp.inf, jnp.asarray(0), no, no)
        return jax.lax.while_loop(lambda state: ~(state.done | state.over), self.block, start)

    def optimiser(self):
        import optax

        return optax.adam(self.constants[1])

    def block(self, state: _State) -> _State:
        """The test of success, and without it the next updates, `every` of them or those that are left, and the test
        of the weight.
        """
        done = self.succeeds(state.law, state.step)
        if not self.sizes.test_first:
            done = done & (state.step > 0)
        left = self.sizes.updates - state.step
        count = jnp.where(done, 0, jnp.minimum(self.sizes.every, left))
        after = jax.lax.fori_loop(0, count, lambda _, state: self.update(state), state)
        smoothed = jnp.nanmean(after.losses)
        weight = jnp.where(state.smoothed - smoothed < self.constants[3], after.weight / 2, after.weight)
        after = after._replace(weight=weight, smoothed=smoothed, over=left == 0)
        return jax.tree.map(lambda old, new: jnp.where(done, old, new), state, after)._replace(done=done)

    def update(self, state: _State) -> _State:
        """One step of Adam."""
        key = jax.random.fold_in(self.key, 2 * state.step)

        def total(law):
            loss = self.loss(law, key)
            return loss + state.weight * law.divergence(), loss

        slope, loss = jax.grad(total, has_aux=True)(state.law)
        with jax.numpy_dtype_promotion("standard"):  # optimisers mix integers and numbers
            change, moments = self.optimiser().update(slope, state.moments)
        law = jax.tree.map(jnp.add, state.law, change)
        losses = state.losses.at[state.step % SMOOTHED].set(loss)
        return state._replace(
            law=law, moments=moments, weight=state.weight + self.constants[2], losses=losses, step=state.step + 1
        )

    def loss(self, law: _Law, key) -> Scalar:
        """`E |D(alpha x_0 + sigma n) - x_0|^2/d` over a batch of levels and noises."""
        level_key, noise_key = jax.random.split(key)
        low, high = self.constants[4], self.constants[5]
        ratio = jnp.exp(-jax.random.uniform(level_key, (self.sizes.batch,), low.dtype, low, high) / 2)
        levels = self.process.level(self.process.time_at(ratio))

        def error(alpha, sigma, n):
            found = self.score.denoise(alpha * self.target + sigma * n, NoiseLevel(alpha, sigma))
            return jnp.mean((found - self.target) ** 2)

        return jnp.mean(jax.vmap(error)(*levels, law.draw(self.sizes.batch, noise_key)))

    def succeeds(self, law: _Law, step) -> Bool[Array, ""]:
        """Whether all of some samples of the law flow to the target."""
        draw_key, path_key = jax.random.split(jax.random.fold_in(self.key, 2 * step + 1))
        starts = strong(self.process.sigma(self.times[0]), self.target.dtype) * law.draw(self.sizes.trials, draw_key)

        def end(x):
            return self.solver.denoised(self.score, self.process, x, self.times, key=path_key)[0]

        found = jax.vmap(lambda x: self.similarity(end(x), self.target))(starts)
        return jnp.all(found >= self.constants[0])
