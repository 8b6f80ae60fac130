"""Adaptive integration on diffrax: the probability flow and the reverse SDE to a tolerance."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from ..checks import check_count, check_positive
from ..scores.base import as_point
from .base import AbstractIntegrator
from .dynamics import Node, conditional, diffusion_squared, nodes_at, require_noise, reverse_drift, velocity


class ProbabilityFlow(AbstractIntegrator):
    """`dx/dt = alpha' D + sigma' noise` in the process' time, to a tolerance; regular at alpha = 0.

    `solver` is a diffrax ODE solver, Tsit5 (order five) if None. The error of one step is held below `atol + rtol |x|`;
    more than `max_steps` steps are an error. The grid sets the ends and where observations are made, at the solver's
    interpolated states. Runs in both directions; both ends need sigma > 0, where the velocity is finite. Source: Song
    et al., arXiv:2011.13456, eq. 13.
    """

    rtol: float = 1e-5
    atol: float = 1e-5
    solver: Any = None
    max_steps: int = 16384

    def __check_init__(self):
        _check_tolerances(self)

    def __call__(self, score, process, x, times, *, key, observe=None):
        """The flow from times[0] to times[-1]."""
        import diffrax

        x, times = _noisy_ends(x, process, times)

        def drift(t, x, _):
            node = nodes_at(process, t, x.dtype)
            return velocity(score.evaluate(x, node.level), node)

        saved, term = _saved(score, process, observe, times, forward=1), diffrax.ODETerm(drift)
        controller = diffrax.PIDController(rtol=self.rtol, atol=self.atol)
        end, seen = solved(term, self.solver, x, times[0], times[-1], controller, self.max_steps, saved).ys
        return end[0], seen


class ReverseSDE(AbstractIntegrator):
    """`dx = (velocity - g^2/2 score) dt + g dW` from noise to data, to a tolerance, one Brownian path for each key.

    Runs in u = -t, because diffrax's stochastic methods are for increasing time. `solver` is a diffrax solver for
    additive noise with an error estimate, ShARK (strong order 1.5) if None; the path is resolved to `brownian_tol` of
    the whole time; steps land on every grid time. From alpha = 0, where g is infinite, the first grid step is a draw
    from the law of the state given x_0 = D. Needs sigma > 0 at both ends. The chosen steps react to rounding, so where
    a score rounds differently in another batch a path repeats up to the tolerance only. Source: Song et al.,
    arXiv:2011.13456, eq. 6.
    """

    rtol: float = 1e-2
    atol: float = 1e-3
    solver: Any = None
    max_steps: int = 16384
    brownian_tol: float = 1e-7
    stochastic: ClassVar[bool] = True

    def __check_init__(self):
        _check_tolerances(self)
        check_positive("brownian_tol", self.brownian_tol)

    def __call__(self, score, process, x, times, *, key, observe=None):
        """One path from times[0] to times[-1]."""
        import diffrax

        x, times = _noisy_ends(x, process, times)
        x = eqx.error_if(x, times[0] < times[-1], "`ReverseSDE` runs from noise to data only.")
        nodes = nodes_at(process, times, x.dtype)
        level = nodes.at(0).level
        here = score.evaluate(x, level)
        seen = None if observe is None else observe(x, level, here)
        first_key, path_key = jax.random.split(key)
        t0, x = _past_pure_noise(here, x, nodes, first_key)
        # between its steps a path is not an interpolation: land on every time that is observed
        controller = diffrax.PIDController(rtol=self.rtol, atol=self.atol)
        controller = diffrax.ClipStepSizeController(controller, step_ts=-times[1:])
        saved = _saved(score, process, observe, -times[1:], forward=-1)
        terms, solver = self._terms(score, process, x, times, path_key), self.solver or diffrax.ShARK()
        end, rest = solved(terms, solver, x, -t0, -times[-1], controller, self.max_steps, saved).ys
        return end[0], jax.tree.map(lambda one, more: jnp.concatenate([jnp.asarray(one)[None], more]), seen, rest)

    def _terms(self, score, process, x, times, key):
        import diffrax
        import lineax

        node = lambda u: nodes_at(process, -u, x.dtype)  # noqa: E731

        def drift(u, y, _):
            here = node(u)
            return -reverse_drift(score.evaluate(y, here.level), here)

        spread = lambda u: jnp.full(x.shape, jnp.sqrt(diffusion_squared(node(u))))  # noqa: E731
        path = diffrax.VirtualBrownianTree(
            -times[0],
            -times[-1],
            tol=max(self.brownian_tol, 4 * float(jnp.finfo(x.dtype).eps)) * (times[0] - times[-1]),
            shape=jax.ShapeDtypeStruct(x.shape, x.dtype),
            key=key,
            levy_area=diffrax.SpaceTimeLevyArea,
        )
        noise = diffrax.ControlTerm(lambda u, y, _: lineax.DiagonalLinearOperator(spread(u)), path)
        return diffrax.MultiTerm(diffrax.ODETerm(drift), noise)


def solved(terms, solver, start, t0, t1, controller, max_steps: int, saved=None, throw: bool = True) -> Any:
    """The solution from `start` at t0 by diffrax, Tsit5 without a solver, with what it saves (None: the last state) as
    `ys`. Where t1 is not reached, its `result` says so, and it is an error if `throw`.
    """
    import diffrax

    return diffrax.diffeqsolve(
        terms,
        solver or diffrax.Tsit5(),
        t0=t0,
        t1=t1,
        dt0=None,
        y0=start,
        saveat=saved or diffrax.SaveAt(t1=True),
        stepsize_controller=controller,
        max_steps=max_steps,
        throw=throw,
    )


def _check_tolerances(integrator):
    check_positive("rtol", integrator.rtol)
    check_positive("atol", integrator.atol)
    check_count("max_steps", integrator.max_steps)


def _past_pure_noise(here, x, nodes: Node, key):
    """The time and state at which the SDE can start: the second node where the first has alpha = 0."""
    now, after = nodes.at(0), nodes.at(1)
    mean, deviation = conditional(here.mean, x, now.level, after.level, eta=1.0)
    drawn = mean + deviation * jax.random.normal(key, x.shape, x.dtype)
    unbounded = now.level.alpha == 0
    return jnp.where(unbounded, after.time, now.time), jnp.where(unbounded, drawn, x)


def _noisy_ends(x, process, times):
    """The point, refused unless sigma > 0 at both ends, and the times in its dtype."""
    x = as_point(x)
    times = jnp.asarray(times).astype(x.dtype)
    return require_noise(require_noise(x, process, times[0]), process, times[-1]), times


def _saved(score, process, observe, ts, forward):
    """The last state, and the observations at the solver's times `ts` (process' time times `forward`)."""
    import diffrax

    last = diffrax.SubSaveAt(t1=True)
    if observe is None:
        return diffrax.SaveAt(subs=(last, None))

    def look(t, x, _):
        level = nodes_at(process, forward * t, x.dtype).level
        return observe(x, level, score.evaluate(x, level))

    return diffrax.SaveAt(subs=(last, diffrax.SubSaveAt(ts=ts, fn=look)))
