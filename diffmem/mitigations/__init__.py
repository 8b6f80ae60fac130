"""Mitigations of memorization; each says what it costs in quality."""

from .caption_noise import caption_noise

__all__ = ["caption_noise"]
