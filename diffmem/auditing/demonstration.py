"""Known copies are planted among real digits, and the audit has to find them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..checks import check_seed
from ..data import digits
from ..progress import Progress
from .findings import Audit
from .procedure import audit

TRAINED, HELD_OUT, SAMPLES = 900, 447, 450  # digits; the 450 samples are copies and digits of neither set
NOISE = 0.02  # standard deviation added to every sample, in a range from -1 to 1


class Demonstration(NamedTuple):
    """What was planted, and what was found."""

    planted: int
    """Number of copies among the samples."""
    of: int
    """Number of samples."""
    found: int
    """Number of planted copies that were called copies."""
    false: int
    """Number of other samples that were."""
    audit: Audit

    @property
    def works(self) -> bool:
        """Whether the planted share lies in the interval."""
        low, high = self.audit.interval
        return low <= self.planted / self.of <= high


def demonstration(
    share: float = 0.1, *, seed: int = 0, out: Path | str | None = None, progress: Progress | bool = False
) -> Demonstration:
    """An audit of samples of which a known share are copies: noisy training digits among noisy digits of neither set.

    1,797 handwritten digits are dealt into a training set of 900, a held-out set of 447 and 450 others; `share` of the
    latter are replaced by training digits. Raises ValueError unless 0 <= share <= 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must be between 0 and 1, but is {share}.")
    check_seed(seed)
    rng = np.random.default_rng(seed)
    everything = digits().events
    train, test, samples = np.split(everything[rng.permutation(len(everything))], np.cumsum([TRAINED, HELD_OUT]))
    copies = rng.permutation(SAMPLES)[: round(share * SAMPLES)]
    samples = samples.copy()
    samples[copies] = train[rng.integers(TRAINED, size=len(copies))]
    samples += NOISE * rng.normal(size=samples.shape).astype(np.float32)
    found = audit(samples, train, test, seed=seed, out=out, progress=progress)
    called = np.flatnonzero(found.arrays["ratio_copied"].values)
    right = len(np.intersect1d(called, copies))
    return Demonstration(len(copies), SAMPLES, right, len(called) - right, found)
