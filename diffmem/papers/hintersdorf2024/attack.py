"""Search for a prompt embedding that brings a record out of a network."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...level import NoiseLevel
from ...scores import Learned

RATE, BATCH = 0.05, 32  # of Adam, and noises of a step
LOG_SNR = (-6.0, 2.0)  # range of the levels at which the estimate should be the target


@functools.cache
def _adam():
    import optax

    return optax.adam(RATE)


@eqx.filter_jit
def attacked(
    score: Learned, target: Float[Array, "d"], start: Float[Array, "k"], steps: int, *, key: PRNGKeyArray
) -> Float[Array, "k"]:
    """The embedding after `steps` of Adam that lower `|D(alpha target + sigma z) - target|^2` from `start`.

    Source: attacks on deactivated models by the prompt embedding, arXiv:2507.16880.
    """

    def loss(prompt, key):
        first, second = jax.random.split(key)
        z = jax.random.normal(first, (BATCH, *target.shape))
        log_snr = jax.random.uniform(second, (BATCH,), minval=LOG_SNR[0], maxval=LOG_SNR[1])

        def one(z, log_snr):
            level = NoiseLevel(jax.nn.sigmoid(log_snr) ** 0.5, jax.nn.sigmoid(-log_snr) ** 0.5)
            return jnp.sum((given.denoise(level.alpha * target + level.sigma * z, level) - target) ** 2)

        given = score.conditioned(prompt)
        return jax.vmap(one)(z, log_snr).mean()

    def step(carried, key):
        prompt, moments = carried
        change, moments = _adam().update(jax.grad(loss)(prompt, key), moments)
        return (prompt + change, moments), None

    (found, _), _ = jax.lax.scan(step, (start, _adam().init(start)), jax.random.split(key, steps))
    return found
