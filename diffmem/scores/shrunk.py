"""Scores that keep a share of another score: what regularised training converges to."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from ..level import NoiseLevel, cast_level, strong
from .base import AbstractScore, Evaluation, noise_of


class Kept(NamedTuple):
    """The share of a score that is kept at one point and level."""

    share: Float[Array, ""]
    """Between 0 and 1."""
    rate: Float[Array, ""]
    """share / sigma^2, its limit at sigma = 0 (infinite where the share does not vanish there)."""


class AbstractShrunk(AbstractScore):
    """The held score times a share: `s' = share s`, `D' = x/alpha + share (D - x/alpha)` by Tweedie.

    Subclass requirements: `held` and `kept`. At sigma = 0 the score is the limit `rate (alpha D - x)` where that is
    finite and `share s` elsewhere, with derivative 0. At alpha = 0 Tweedie's identity leaves no finite denoiser to any
    score but -x / sigma^2, so that denoiser and score are those of the held score, shrunk or not. Cost: one evaluation
    of the held score and of its denoiser, which share their pass where the held score shares it.
    """

    held: eqx.AbstractVar[AbstractScore]

    @abstractmethod
    def kept(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Kept:
        """The share of the held score that is kept at x."""

    def evaluate(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Evaluation:
        """`x/alpha + share (D - x/alpha)` and `share noise`; those of the held score at alpha = 0."""
        found = self.held.evaluate(x, level)
        x = strong(x, found.mean.dtype)
        alpha, sigma = cast_level(level, x.dtype)
        pure, clean = alpha == 0, sigma == 0
        plain = x / jnp.where(pure, 1, alpha)
        share = jnp.where(pure, 1, self.kept(x, level).share)
        mean = jnp.where(pure, found.mean, plain + share * (found.mean - plain))
        noise = jnp.where(clean, noise_of(mean, x, level), share * jnp.where(clean, 0, found.noise))
        return Evaluation(mean, noise, found.info)

    def score(self, x: Real[ArrayLike, "*shape"], level: NoiseLevel) -> Float[Array, "*shape"]:
        """`share s`, the held s at alpha = 0."""
        score = self.held.score(x, level)
        x = strong(x, score.dtype)
        alpha, sigma = cast_level(level, x.dtype)
        kept, clean = self.kept(x, level), sigma == 0
        edge = jax.lax.stop_gradient(_without_noise(kept, score, alpha * self.held.denoise(x, level) - x))
        return jnp.where(clean, edge, jnp.where(alpha == 0, 1, kept.share) * jnp.where(clean, 0, score))


def kept_of(share: Float[Array, ""], sigma: Float[Array, ""]) -> Kept:
    """A share that vanishes faster than sigma^2 where it vanishes at all: its rate at sigma = 0 is 0 or infinite."""
    clean = sigma == 0
    edge = jnp.where(share > 0, jnp.inf, 0)
    return Kept(share, jnp.where(clean, edge, share / jnp.where(clean, 1, sigma) ** 2))


def _without_noise(kept: Kept, score, displacement):
    bounded = jnp.isfinite(kept.rate)
    return jnp.where(
        bounded, jnp.where(bounded, kept.rate, 0) * displacement, jnp.where(score == 0, 0, kept.share * score)
    )
