"""Mitigations of memorization at sampling time: changes of the prompt, of the starting noise, and of the score.

`embedding_optimisation` and `prompt_search` take a prompt and return one, `init_noise` and `sail` take starting states
and return states, and `PromptAnchored` is a score. All act on a guided score (`scores.Guided`), whose conditional score
has `conditioned(prompt)`, and each says what it costs in quality.
"""

from .embedding_optimisation import embedding_optimisation
from .initial_noise import init_noise, sail
from .prompt_anchoring import PromptAnchored, prompt_anchored, prompt_search
from .prompts import first_gaps, with_prompt

__all__ = [
    "PromptAnchored",
    "embedding_optimisation",
    "first_gaps",
    "init_noise",
    "prompt_anchored",
    "prompt_search",
    "sail",
    "with_prompt",
]
