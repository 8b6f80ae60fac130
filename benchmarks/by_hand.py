"""D and a sampler as they are written by hand in plain JAX: what the library is raced against."""

import jax
import jax.numpy as jnp


def plain_logits(x, sigma, y, squares):
    """-E_i but for |x|^2 / (2 sigma^2), with `squares = |y_i|^2 / 2` and the product at full precision."""
    return (jnp.matmul(x, y.T, precision="highest") - squares[None]) / sigma**2


def one_line(x, sigma, y, squares):
    """D of a batch."""
    return jnp.matmul(jax.nn.softmax(plain_logits(x, sigma, y, squares), axis=1), y, precision="highest")


def heun_by_hand(times, x, y, squares):
    """D of the last state, for the process with alpha = 1 and sigma = t."""

    def step(x, pair):
        now, after = pair
        slope = (x - one_line(x, now, y, squares)) / now
        predicted = x + (after - now) * slope
        corrected = (slope + (predicted - one_line(predicted, after, y, squares)) / after) / 2
        return x + (after - now) * corrected, None

    return one_line(jax.lax.scan(step, x, (times[:-1], times[1:]))[0], times[-1], y, squares)
