"""Changes to a prompt, a start, a score or its training that make it copy less; each says what it costs in quality.

- prompt -> prompt: `embedding_optimisation`, `prompt_search`, `caption_noise`;
- starts -> starts: `init_noise`, `sail`;
- score -> score: `PromptAnchored`, `BlockedRecords` (records of an exact score), `deactivated` (hidden units of a
  network), `pruned` (weights); guidance that begins late is `scores.GuidanceInterval`;
- training: `PartlyTrained` limits a fine-tuning to some parameters, `training.GapDropping` leaves out records that show
  signs of memorization.

Those at sampling time act on a guided score (`scores.Guided`), whose conditional score has `conditioned(prompt)`. A
network is any Equinox module that a score holds. Its hidden units are addressed by the layer that receives them:
`where` picks this layer, `lambda score: score.network.last`, and unit j is the j-th coordinate of its input (for a
convolution the j-th channel), so that it acts through column j of the layer's `weight`. `networks.layer_input` gives
activations.
"""

from .caption_noise import caption_noise
from .deactivation import BlockedRecords, deactivated
from .embedding_optimisation import embedding_optimisation
from .initial_noise import init_noise, sail
from .parameter_subset import PartlyTrained, only, parameter_share
from .prompt_anchoring import PromptAnchored, prompt_anchored, prompt_search
from .prompts import first_gaps, with_prompt
from .weight_pruning import pruned, random_weights, wanda, weights_to_prune

__all__ = [
    "BlockedRecords",
    "PartlyTrained",
    "PromptAnchored",
    "caption_noise",
    "deactivated",
    "embedding_optimisation",
    "first_gaps",
    "init_noise",
    "only",
    "parameter_share",
    "prompt_anchored",
    "prompt_search",
    "pruned",
    "random_weights",
    "sail",
    "wanda",
    "weights_to_prune",
    "with_prompt",
]
