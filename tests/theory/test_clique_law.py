"""The law of cliques against the binomial distribution, and its bad arguments."""

import numpy as np
import pytest
from scipy.stats import binom

from diffmem import theory


def test_is_the_upper_tail_of_a_binomial_law():
    mass = np.array([0.0, 0.01, 0.02, 0.03, 0.5, 1.0])
    found = theory.clique_probability(mass, 500, 10)
    np.testing.assert_allclose(found, binom.sf(9, 500, mass), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[1:4], [0.03, 0.54, 0.93], atol=0.006)  # of the docstring
    assert theory.clique_probability(0.3, 7, 7) == pytest.approx(0.3**7)


def test_bad_arguments_are_one_sentence():
    with pytest.raises(ValueError, match="`mass` must be between 0 and 1"):
        theory.clique_probability(1.1, 500, 10)
    with pytest.raises(ValueError, match="`size` must be between 1 and 5"):
        theory.clique_probability(0.1, 5, 6)
