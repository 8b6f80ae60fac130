"""Prompt re-anchoring and semantic prompt search (PRSS): another prompt for those that show a large gap."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..annotations import Numbers, Point, Scalar
from ..checks import is_concrete
from ..level import NoiseLevel, cast_level, strong
from ..processes import AbstractProcess
from ..scores import AbstractScore, Branches, Evaluation, Guided
from ..scores.base import noise_of
from .prompts import first_gaps, with_prompt


def prompt_search(
    prompts: Numbers,
    score: Guided,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    *,
    threshold: Scalar = 0.0,
) -> Array:
    """Of the candidates `prompts` (m, ...), the first whose mean gap over starts at times[0] is at most `threshold`.

    If there is none, that of the smallest gap. The prompt as written comes first, rewrites of it after. Quality: a
    rewrite says something else. Cost: one evaluation of both branches for each candidate. Source: Chen et al.,
    arXiv:2504.18032, semantic prompt search.
    """
    prompts = jnp.asarray(prompts)
    gaps = jnp.stack([first_gaps(with_prompt(score, prompt), starts, process, times).mean() for prompt in prompts])
    small = gaps <= strong(threshold, gaps.dtype)
    return prompts[jnp.where(small.any(), jnp.argmax(small), jnp.argmin(gaps))]


class PromptAnchored(AbstractScore):
    """Guidance that is anchored at the prompt as written and led towards a rewrite of it, the more the larger the gap:

        eps = eps_p + q (eps_r - eps_p) + (w - q)(eps_r - eps_u),    q = 1 + (w - 1)(gap - low)/(high - low)

    with q kept in [1, w], `gap = |eps_r - eps_u|`, w the guidance weight, and the noise predictions of the prompt
    (eps_p), of its rewrite (eps_r) and without a prompt (eps_u). At a gap of at most `low` it is guidance with the
    rewrite, `eps_u + w (eps_r - eps_u)`; from `high` on it is the form of the paper, `eps_p + w (eps_r - eps_p)`, which
    is also `scores.Guided(rewritten, original, w)`.

    Its branches are the rewrite and no prompt. Quality: the larger q, the farther is what is drawn from both prompts,
    and where the form of the paper acts alone samples leave the concept of the prompt. Cost: three evaluations. Raises
    ValueError unless 0 <= low < high. Source: Chen et al., arXiv:2504.18032; the ramp is that of the released code.
    """

    original: AbstractScore
    rewritten: AbstractScore
    unconditional: AbstractScore
    weight: Scalar
    low: Float[Array, ""] = eqx.field(converter=jnp.asarray)  # arrays: other thresholds compile nothing again
    high: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        if is_concrete(self.low) and is_concrete(self.high) and not 0 <= self.low < self.high:
            raise ValueError(f"`low` and `high` must satisfy 0 <= low < high, but are {self.low} and {self.high}.")

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """The combination of the means and of the noises, and the branches."""
        written = self.original.evaluate(x, level)
        found = Branches(self.rewritten.evaluate(x, level), self.unconditional.evaluate(x, level))
        dtype = written.mean.dtype
        weight, low, high = (strong(part, dtype) for part in (self.weight, self.low, self.high))
        # at sigma = 0 the noises may be infinite: branches that disagree there are far apart
        gap = jnp.nan_to_num(found.gap, nan=jnp.inf)
        q = 1 + (weight - 1) * jnp.clip((gap - low) / (high - low), 0, 1)
        mix = lambda p, r, u: p + q * (r - p) + (weight - q) * (r - u)  # noqa: E731
        mean = mix(written.mean, found.conditional.mean, found.unconditional.mean)
        noise = mix(written.noise, found.conditional.noise, found.unconditional.noise)
        clean = cast_level(level, dtype).sigma == 0
        return Evaluation(mean, jnp.where(clean, noise_of(mean, x, level), noise), found)


def prompt_anchored(
    score: Guided,
    rewrite: Numbers,
    starts: Numbers,
    process: AbstractProcess,
    times: Numbers,
    *,
    threshold: Scalar,
    low: Scalar,
    high: Scalar,
) -> AbstractScore:
    """`PromptAnchored` between the prompt of a guided score and `rewrite`, or `score` itself if its gap is small.

    Small means a mean of `|eps_c - eps_u|` over `starts` at times[0] of at most `threshold`: such prompts are drawn
    exactly as before. The guidance weight of `score` must be a number. Arguments otherwise as in `PromptAnchored`.
    """
    if float(first_gaps(score, starts, process, times).mean()) <= float(jnp.asarray(threshold)):
        return score
    other = with_prompt(score, rewrite).conditional
    if callable(score.weight):
        raise ValueError("`score` must be guided by a number, but its weight is a function of the level.")
    return PromptAnchored(score.conditional, other, score.unconditional, score.weight, low, high)
