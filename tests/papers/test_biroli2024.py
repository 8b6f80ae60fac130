"""Clones of the two clusters in fewer dimensions than the paper's: simulated against the quadrature, or refused."""

import math

import jax
import pytest

from diffmem import theory
from diffmem.papers import biroli2024
from diffmem.papers.biroli2024.experiment import clone_agreement

SETTINGS = biroli2024.SMOKE


@pytest.mark.slow
@pytest.mark.parametrize("d", [16, 64])
def test_clones_in_few_dimensions_agree_as_often_as_the_quadrature_says(d):
    """Their t_S is within 2.5 units of time of the data, so that the run is shorter."""
    found = clone_agreement(d, 1, SETTINGS._replace(clones=4000), jax.random.key(d))
    exact = float(theory.clone_probability(math.sqrt(d - 1), d**0.5, 1.0))
    assert found.value == pytest.approx(exact, abs=4 * found.error)


def test_clusters_that_overlap_are_refused_before_any_run():
    sentence = "Dimensions of clones must be at least 16, but are"
    with pytest.raises(ValueError, match=f"{sentence} 8."):
        clone_agreement(8, 8, SETTINGS, jax.random.key(0))
    with pytest.raises(ValueError, match=f"{sentence} 256, 4."):
        biroli2024.experiment(SETTINGS._replace(clone_dimensions=(256,), projected=(4,)), jax.random.key(0))
