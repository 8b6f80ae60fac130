"""Another prompt embedding near the given one, whose conditional prediction is less far from the unconditional one."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers, Scalar
from ..checks import check_count
from ..level import float_dtype, strong
from ..processes import AbstractProcess
from ..scores import Guided
from .prompts import first_gaps, with_prompt

WEIGHT_DECAY = 0.01  # of AdamW in PyTorch, unless told otherwise


def embedding_optimisation(
    prompt: Numbers,
    score: Guided,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    *,
    target: Scalar,
    steps: int = 10,
    rate: float = 0.05,
) -> Float[Array, "k"]:
    """The embedding after at most `steps` steps of AdamW on the mean of `|eps_c - eps_u|` over starts at times[0].

    It stops once the mean is at most `target`; a prompt that begins there is returned unchanged. `prompt` (k,) is a
    vector embedding, `score` is guided with a conditional score that has `conditioned(prompt)` and derivatives, such as
    `PromptedEmpirical` or `Learned`; `starts` (count, *shape) are states at times[0].

    Quality: what the prompt describes moves towards the mean of everything, as the gap at pure noise is the distance
    from it. Where concepts lie far from that mean, the gap of an ordinary prompt is reached while the image is still
    copied. Cost: a reverse derivative of both branches a step. Source: Wen et al., arXiv:2407.21720.
    """
    check_count("steps", steps)
    prompt = jnp.asarray(prompt)
    prompt = strong(prompt, float_dtype(prompt))
    return _descended(prompt, score, starts, process, times, strong(target, prompt.dtype), steps, rate)


@eqx.filter_jit
def _descended(prompt, score, starts, process, times, target, steps, rate):
    import optax

    optimiser = optax.adamw(rate, weight_decay=WEIGHT_DECAY)
    gap = jax.value_and_grad(lambda e: first_gaps(with_prompt(score, e), starts, process, times).mean())

    def step(carry, _):
        prompt, state = carry
        value, slope = gap(prompt)
        with jax.numpy_dtype_promotion("standard"):  # optimisers mix integers and numbers
            move, moved = optimiser.update(slope.astype(prompt.dtype), state, prompt)
        above = value > target
        kept = jax.tree.map(lambda new, old: jnp.where(above, new, old), moved, state)
        return (jnp.where(above, optax.apply_updates(prompt, move), prompt), kept), None

    return jax.lax.scan(step, (prompt, optimiser.init(prompt)), length=steps)[0][0]
