import numpy as np
import pytest

from diffmem import processes
from diffmem.studies.collapse.grid import checked_grid, collapse_grid, ratios_at, times_at

PROCESSES = [
    processes.OrnsteinUhlenbeck(),
    processes.VariancePreserving(),
    processes.CosineVariancePreserving(),
    processes.FlowMatching(),
    processes.VarianceExploding(),
    processes.EDM(),
]


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_the_grid_covers_the_predictions_on_a_lattice(process):
    times = collapse_grid(process, np.array([[0.3, 1.2]]))
    assert process.t_min <= times[0] and times[-1] <= process.t_max and (np.diff(times) > 0).all()
    ratio = ratios_at(process, times)
    assert ratio[0] <= 0.1 * (1 + 1e-4) and ratio[-1] >= 3.6
    place = 16 * np.log10(ratio)
    np.testing.assert_allclose(place, np.round(place), atol=1e-3)


def test_grids_of_other_cells_share_their_nodes():
    narrow, wide = (collapse_grid(processes.OrnsteinUhlenbeck(), np.array(p)) for p in ([1.0], [0.5, 1.0]))
    assert np.isin(narrow, wide).all() and len(narrow) < len(wide)


def test_a_process_that_stops_early_gives_what_it_reaches_or_says_so():
    process = processes.EDM(sigma_min=0.5, sigma_max=2.0)
    ratio = ratios_at(process, collapse_grid(process, np.array([1.0])))
    assert ratio.min() >= 0.5 and ratio.max() <= 2.0
    with pytest.raises(ValueError, match="must reach the collapse"):
        collapse_grid(process, np.array([100.0]))


def test_unknown_ratios_have_unknown_times():
    for process in PROCESSES:
        times = times_at(process, np.array([np.nan, 1.0]))
        assert np.isnan(times[0])
        np.testing.assert_allclose(ratios_at(process, times[1:]), 1.0, rtol=1e-5)


@pytest.mark.parametrize("times", [[0.1], [0.2, 0.1], [0.0, 0.5], [0.5, 1.0], [0.5, 2.0]])
def test_bad_times_are_refused(times):
    with pytest.raises(ValueError, match="`times` must"):
        checked_grid(processes.FlowMatching(t_min=0.0), times)
