"""The two grids on which the papers on conditional models run: that of Stable Diffusion, and one uniform in log-SNR."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..integrators import grids
from ..processes import AbstractProcess, Discrete, OrnsteinUhlenbeck


def stable_diffusion(steps: int = 50) -> tuple[AbstractProcess, Float[Array, "nodes"]]:
    """The schedule of Stable Diffusion: `sqrt(beta)` uniform from sqrt(.00085) to sqrt(.012) in 1000 steps.

    The `steps` nodes are evenly spaced from the data ("leading": numbers 981, 961, ..., 1 for 50, at times one more),
    and time 0 is added, so that the last step removes all noise. At the first of 50 nodes the signal-to-noise ratio is
    .0058, not 0: the samples begin in pure noise and therefore not in the law of the model there.
    """
    process = Discrete(np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2))
    numbers = 1000 // steps * np.arange(steps)[::-1] + 1
    return process, jnp.asarray(np.append(numbers + 1.0, 0.0))


def log_snr(steps: int = 200, bound: float = 10.0) -> tuple[AbstractProcess, Float[Array, "nodes"]]:
    """A variance-preserving process and `steps` nodes uniform in log-SNR on [-bound, bound], then time 0, clean."""
    clock = OrnsteinUhlenbeck()
    t_min, t_max = (float(clock.time_at(np.exp(half))) for half in (-bound / 2, bound / 2))
    process = OrnsteinUhlenbeck(t_min=t_min, t_max=t_max)
    return process, jnp.append(grids.log_snr(process, steps - 1), 0.0)
