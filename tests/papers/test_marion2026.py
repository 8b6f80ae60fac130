"""The family of widened training points, from copies to the law."""

import jax
import numpy as np
import pytest

from diffmem.papers.marion2026.experiment import SMOKE, family


@pytest.mark.slow
def test_the_family_starts_with_copies_and_the_least_loss():
    settings = SMOKE._replace(n=60, widths=(0.0, 0.1, 0.36, 2.0), loss_points=30, levels=4)
    _, found = family(settings, jax.random.key(0))
    np.testing.assert_allclose(found.gap, found.to_test - found.to_train, rtol=1e-12)
    np.testing.assert_allclose(found.gap_change, found.gap - found.gap[0], atol=1e-12)
    assert found.copied[0] == 1 and found.edm_loss[0] == found.flat_loss[0] == 1
    assert (found.edm_loss.diff("width") > 0).all() and (found.flat_loss.diff("width") > 0).all()
