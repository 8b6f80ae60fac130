"""A discrete schedule of one's own: the table of alpha-bar that a trained model was made with."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..annotations import Numbers
from ..checks import brief
from ..tensors import read_tensor
from .base import AbstractProcess, as_time, half_log1p_square


class Discrete(AbstractProcess):
    """`alpha(k)^2 = alpha_bars[k - 1], sigma^2 = 1 - alpha^2` for k = 1, ..., N, and the data at time 0.

    `alpha_bars` (N,) is the cumulative product of 1 - beta that discrete models carry (`alphas_cumprod` in many
    libraries); their step number t, counted from 0, is time t + 1 here, so that `round(time_at(sigma/alpha) - 1)` is
    the step whose level is nearest in log alpha. Between nodes `log alpha` is linear in time:
    the process `dx = -b x/2 dt + sqrt(b) dW` with the constant `b = -log(1 - beta_k)` in the k-th interval. Behind the
    last node the last b goes on. Times run from t_min = 1 to t_max = N. Source: Ho et al., arXiv:2006.11239, eq. 4.

    Accuracy: rates jump at the nodes, where adaptive solvers lose digits: `ProbabilityFlow` needs a smaller tolerance,
    and `log_likelihood` may be off by 1e-3 nats. Raises ValueError unless `alpha_bars` strictly decreases between 1 and
    0, both excluded.
    """

    depths: tuple[float, ...] = eqx.field(static=True, repr=False)
    """`-log alpha` at times 0, 1, ..., N."""

    def __init__(self, alpha_bars: Numbers):
        table = np.asarray(read_tensor(alpha_bars), np.float64)
        if not (table.ndim == 1 and len(table) > 1 and table[-1] > 0 and np.all(np.diff(table, prepend=1) < 0)):
            raise ValueError(
                f"`alpha_bars` must be two or more decreasing numbers between 1 and 0, but is {brief(table)}."
            )
        self.depths = (0.0, *(-np.log(table) / 2).tolist())

    @property
    def t_min(self) -> float:
        """The first node of the table."""
        return 1.0

    @property
    def t_max(self) -> float:
        """The last node of the table."""
        return len(self.depths) - 1.0

    def _table(self, dtype) -> tuple[Array, Array]:
        return jnp.arange(len(self.depths), dtype=dtype), jnp.asarray(np.array(self.depths), dtype)

    def _depth(self, t):
        return jnp.interp(t, *self._table(t.dtype), right="extrapolate")

    def alpha(self, t):
        """`sqrt(alpha_bars[t - 1])`, linear in its logarithm between nodes."""
        return jnp.exp(-self._depth(as_time(t)))

    def sigma(self, t):
        """`sqrt(1 - alpha^2)`."""
        return jnp.sqrt(-jnp.expm1(-2 * self._depth(as_time(t))))

    def time_at(self, ratio):
        """The time at which `-log alpha = log(1 + ratio^2)/2`."""
        depth = half_log1p_square(as_time(ratio))
        times, depths = self._table(depth.dtype)
        return jnp.where(jnp.isinf(depth), jnp.inf, jnp.interp(depth, depths, times, right="extrapolate"))
