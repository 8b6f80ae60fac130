"""Functions outside JAX as differentiable JAX functions, called once for a whole batch."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...arithmetic import dot

HostFunction = Callable[..., np.ndarray]
"""`function(x, alpha, sigma) -> answer`, or `function(x, alpha, sigma, direction) -> answer` for a derivative: all
NumPy arrays of one row for each point, the answer of the shape of x."""


@eqx.filter_jit
def host_call(
    function: HostFunction,
    vjp: HostFunction | None,
    jvp: HostFunction | None,
    x: Float[Array, "*shape"],
    alpha: Float[Array, ""],
    sigma: Float[Array, ""],
) -> Float[Array, "*shape"]:
    """`function` at one point, with the derivatives that `FromHost` describes."""

    @jax.custom_jvp
    def call(x, alpha, sigma):
        return _called(function, "function", x, alpha, sigma)

    def rule(primals, tangents):
        if vjp is None:
            raise TypeError(
                "a score from the host has no derivative without `vjp`; give one to `FromHost`, or use a JAX function "
                "with `FromFunction`."
            )
        if not all(isinstance(tangent, jax.custom_derivatives.SymbolicZero) for tangent in tangents[1:]):
            raise TypeError("a score from the host has derivatives in x only, not in the noise level.")
        at = _once(primals[0]), *primals[1:]
        return call(*primals), _jacobian_times(vjp, jvp, at, tangents[0])

    call.defjvp(rule, symbolic_zeros=True)
    return call(x, alpha, sigma)


def _jacobian_times(vjp, jvp, at, tangent):
    """J tangent, which JAX transposes to J^T cotangent."""
    x = at[0]
    if isinstance(tangent, jax.custom_derivatives.SymbolicZero):
        return jnp.zeros_like(x)

    def forward(direction):
        if jvp is not None:
            return _called(jvp, "`jvp`", *at, direction)
        basis = jnp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
        rows = jax.vmap(lambda one: _called(vjp, "`vjp`", *at, one))(basis)
        return dot(rows.reshape(x.size, -1), direction.ravel()).reshape(x.shape)

    backward = lambda direction: _called(vjp, "`vjp`", *at, direction)  # noqa: E731
    # a linear map that is given by its two directions: as the inverse of a map that nobody asks for
    solve, transposed = (lambda _, b, f=f: f(b) for f in (forward, backward))
    return jax.lax.custom_linear_solve(lambda v: v, tangent, solve, transposed)


@jax.custom_jvp
def _once(x):
    return x


@_once.defjvp
def _no_second_derivative(primals, tangents):
    raise TypeError("a score from the host has first derivatives only.")


def _called(function, name, *arguments):
    """One host call, for a whole batch under `jax.vmap`."""
    x = arguments[0]
    ranks = [jnp.ndim(one) for one in arguments]

    def host(*batched):
        batch = np.shape(batched[0])[: -ranks[0] - 1]
        flat = [np.asarray(one).reshape(-1, *np.shape(one)[len(batch) + 1 :]) for one in batched]
        out = np.asarray(function(*flat))
        if out.shape != flat[0].shape:
            raise ValueError(f"the {name} of `FromHost` must return shape {flat[0].shape}, but returned {out.shape}.")
        return out.reshape(*batch, 1, *x.shape).astype(x.dtype)

    shape = jax.ShapeDtypeStruct((1, *x.shape), x.dtype)
    return jax.pure_callback(host, shape, *(one[None] for one in arguments), vmap_method="broadcast_all")[0]
