"""Adam with falling rates. Equal arguments give one object, since training compiles again for another one."""

import functools

import optax


@functools.cache
def cosine_adam(rate: float, steps: int, last: float = 0.0, penalty: float = 0.0) -> optax.GradientTransformation:
    """Adam whose rate falls from `rate` to the fraction `last` of it along a cosine.

    With a `penalty`, `2 penalty w` joins the gradient before Adam normalises it: the loss gains `penalty |w|^2`.
    """
    adam = optax.adam(optax.cosine_decay_schedule(rate, steps, last))
    return optax.chain(optax.add_decayed_weights(2 * penalty), adam) if penalty else adam


@functools.cache
def linear_adam(rate: float, steps: int, last: float, rise: float) -> optax.GradientTransformation:
    """Adam whose rate rises from 0 to `rate` over the share `rise` of the steps and then falls to `last`, linearly."""
    first = max(1, round(rise * steps))
    parts = optax.linear_schedule(0.0, rate, first), optax.linear_schedule(rate, last, steps - first)
    return optax.adam(optax.join_schedules(parts, [first]))
