import importlib
import subprocess
import sys

import equinox as eqx
import jax
import numpy as np
import pytest
import xarray as xr

from diffmem import __version__, data, metrics, processes, scores, studies, theory
from diffmem.studies.sweep import store as store_module
from diffmem.whole_files import sealed

collapse_module = importlib.import_module("diffmem.studies.collapse.study")  # the package's name is the function

SMALL = data.gaussian(40, 3, key=jax.random.key(0))
COSTS = {"samples": 6, "queries": 8, "steps": 4}


def small(**changes):
    return studies.collapse(SMALL, **{"n": (4, 16), "d": (2, 3), **COSTS, **changes})


@pytest.fixture(scope="module")
def digits():
    return studies.collapse(data.digits(), n=(128, 512), d=(64,), samples=1000)


def test_real_digits_collapse_where_their_spectrum_says(digits):
    measured, predicted = digits.measured_ratio.values[:, 0], digits.predicted_ratio.values[:, 0]
    np.testing.assert_allclose(measured, [1.17, 0.94], rtol=0.05)
    np.testing.assert_allclose(predicted, [1.19, 1.01], rtol=0.02)
    # of all laws with these eigenvalues a Gaussian tells most, so that others collapse at less noise
    by_information = digits.predicted_mc_ratio.values[:, 0]
    assert (by_information < predicted).all() and (by_information > 0.85 * measured).all()
    assert (digits.measured_ratio_low < digits.measured_ratio).all()
    assert (digits.measured_ratio < digits.measured_ratio_high).all()
    assert (digits.measured_ratio_high / digits.measured_ratio_low < 1.08).all()


def test_samples_of_the_exact_score_are_all_copies(digits):
    assert (digits.generated == 1).all() and (digits.generated_high == 1).all()
    assert (digits.example_distance_ratio < 1 / 3).all()
    np.testing.assert_allclose(digits.example, digits.example_neighbour, atol=1e-3)


@pytest.mark.slow
def test_no_sample_of_the_fitted_gaussian_is_a_copy():
    points = data.digits().points
    drawn = scores.Gaussian.fit(points).draw(1000, key=jax.random.key(1))
    assert metrics.memorization(drawn, points).fraction == 0


def test_curves_have_the_right_ends_and_order(digits):
    first, last = digits.isel(t=0), digits.isel(t=-1)
    assert (first.own_weight > 0.95).all() and (last.own_weight < 0.1).all()
    assert (first.participation < 1.2).all() and (last.participation > 0.1 * digits.n).all()
    assert (digits.leader_weight >= digits.own_weight - 1e-6).all()
    assert (digits.entropy <= np.log(digits.n) + 1e-4).all()
    assert (first.memorized > 0.9).all() and (last.memorized < 0.2).all()


@pytest.mark.slow
def test_dataset_says_what_it_holds():
    result = small(seed=5)
    assert dict(result.sizes) == {"n": 2, "d": 2, "t": result.t.size, "sample": 6, "feature": 3}
    for name in ("participation", "entropy", "own_weight", "leader_weight", "memorized"):
        assert result[name].dims == ("n", "d", "t")
    for name in (*result.data_vars, *result.coords):
        assert set(result[name].attrs) == {"long_name", "units"}
    assert result.attrs["diffmem"] == __version__ and result.attrs["jax"] == jax.__version__
    assert result.attrs["fingerprint"] == SMALL.fingerprint and result.attrs["dataset"] == SMALL.name
    assert result.attrs["process"] == repr(collapse_module.DEFAULT_PROCESS)
    assert {name: result.attrs[name] for name in ("seed", *COSTS)} == {"seed": 5, **COSTS}
    level = processes.OrnsteinUhlenbeck().level(result.t.values)
    np.testing.assert_allclose(result.ratio, level.sigma / level.alpha, rtol=1e-5)
    assert not result.example.sel(d=3).isnull().any()
    np.testing.assert_array_equal(result.example.sel(d=2).isnull().all(["n", "sample"]), [False, False, True])


@pytest.mark.slow
def test_predictions_are_those_of_theory():
    result = small()
    process = processes.OrnsteinUhlenbeck()
    for d in (2, 3):
        spectrum = theory.spectrum(data.reduce_dimension(SMALL, d).points)
        for n in (4, 16):
            expected = theory.collapse_time(process, n, spectrum)
            np.testing.assert_allclose(result.predicted.sel(n=n, d=d), expected, rtol=1e-5)


@pytest.mark.slow
def test_monte_carlo_is_unknown_where_it_is_not_valid():
    result = small(n=(16, 39, 40), d=(3,))
    np.testing.assert_array_equal(result.predicted_mc.isnull().values[:, 0], [False, True, True])
    repeated = data.Dataset(np.repeat(SMALL.points[:20], 2, axis=0))
    result = studies.collapse(repeated, n=(4, 40), d=(3,), **COSTS)
    np.testing.assert_array_equal(result.predicted_mc.isnull().values[:, 0], [False, True])


@pytest.mark.slow
def test_same_seed_same_numbers_and_another_seed_others():
    first, again, other = small(), small(), small(seed=1)
    xr.testing.assert_identical(first, again)
    assert (first.own_weight != other.own_weight).any()


@pytest.mark.slow
def test_a_cell_does_not_depend_on_the_others():
    whole, part = small(), small(n=(16,), d=(3,))
    shared = np.intersect1d(whole.t, part.t)
    assert len(shared) == part.t.size
    for name in part.data_vars:
        one, other = (result.sel(n=[16], d=[3])[name] for result in (whole, part))
        if "t" in one.dims:
            one = one.sel(t=shared)
        np.testing.assert_allclose(other, one, rtol=1e-6, err_msg=name)


@pytest.mark.slow
def test_processes_agree_in_the_ratio():
    ratios = []
    for process in (processes.EDM(), processes.FlowMatching()):
        result = small(n=(16,), d=(3,), queries=200, process=process)
        np.testing.assert_allclose(
            np.ravel(process.level(result.measured.values).sigma / process.level(result.measured.values).alpha),
            result.measured_ratio.values.ravel(),
            rtol=1e-4,
        )
        ratios.append(result.measured_ratio.item())
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-3)


def test_two_points_have_no_collapse_time():
    result = small(n=(2,), d=(3,))
    assert result.measured.isnull().all() and result.measured_low.isnull().all()


@pytest.mark.slow
def test_times_may_be_given():
    times = np.array([0.1, 0.2, 0.9])
    np.testing.assert_array_equal(small(times=times).t, times)


@pytest.fixture
def cells_measured(monkeypatch):
    measured, original = [], collapse_module.measure_cell

    def counting(dataset, n, *rest):
        if counting.stop_at == len(measured):
            raise KeyboardInterrupt
        measured.append((n, dataset.d))
        return original(dataset, n, *rest)

    counting.stop_at = None
    monkeypatch.setattr(collapse_module, "measure_cell", counting)
    return measured, counting


@pytest.mark.slow
def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path, cells_measured):
    measured, counting = cells_measured
    counting.stop_at = 1
    with pytest.raises(KeyboardInterrupt):
        small(store=tmp_path)
    assert [path.name for path in tmp_path.glob("*.nc")] == ["n4_d2.nc"]
    counting.stop_at = None
    resumed = small(store=tmp_path)
    assert measured == [(4, 2), (16, 2), (4, 3), (16, 3)]
    xr.testing.assert_identical(resumed, small())


@pytest.mark.slow
def test_stored_cells_serve_a_smaller_study_and_fresh_forgets_them(tmp_path, cells_measured):
    measured, _ = cells_measured
    whole = small(store=tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    part = small(store=tmp_path, n=(16,))
    assert len(measured) == 4
    np.testing.assert_array_equal(part.measured.values, whole.measured.sel(n=[16]).values)
    small(store=tmp_path, n=(16,), fresh=True)
    assert len(measured) == 6 and (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize("damage", [b"", b"not a NetCDF file", None])
def test_a_damaged_cell_is_computed_again(tmp_path, damage, cells_measured):
    measured, _ = cells_measured
    first = small(n=(4,), d=(3,), store=tmp_path)
    path = tmp_path / "n4_d3.nc"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage is None else damage)
    with pytest.warns(UserWarning, match="damaged"):
        again = small(n=(4,), d=(3,), store=tmp_path)
    assert len(measured) == 2
    xr.testing.assert_identical(again, first)
    small(n=(4,), d=(3,), store=tmp_path)
    assert len(measured) == 2


def test_a_cell_that_lacks_a_variable_is_damaged(tmp_path):
    first = small(n=(4,), d=(3,), store=tmp_path)
    cell = xr.load_dataset(tmp_path / "n4_d3.nc", engine="h5netcdf")
    (tmp_path / "n4_d3.nc").write_bytes(sealed(store_module.netcdf(cell.drop_vars("own_weight"))))
    with pytest.warns(UserWarning, match="damaged"):
        xr.testing.assert_identical(small(n=(4,), d=(3,), store=tmp_path), first)


@pytest.mark.parametrize(
    "changes, named", [({"seed": 1}, "seed"), ({"samples": 7}, "samples"), ({"process": processes.EDM()}, "process")]
)
def test_a_store_of_other_settings_is_refused(tmp_path, changes, named):
    small(n=(4,), d=(3,), store=tmp_path)
    with pytest.raises(ValueError, match=rf"differ in {named} .*--out.*--fresh"):
        small(n=(4,), d=(3,), store=tmp_path, **changes)


def test_a_store_of_another_event_shape_is_refused(tmp_path):
    """The same 16 numbers are pooled as an image and projected as a vector."""
    points = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)
    settings = {"n": (4,), "d": (4,), **COSTS, "store": tmp_path}
    studies.collapse(data.Dataset(points, event_shape=(4, 4)), **settings)
    with pytest.raises(ValueError, match=r"differ in event_shape \(\(4, 4\) there, \(16,\) here\)"):
        studies.collapse(data.Dataset(points), **settings)


def test_a_store_of_another_table_is_refused(tmp_path):
    """Two processes of one repr: the table is not printed."""
    first, second = (processes.Discrete(np.cumprod(1 - np.linspace(1e-3, last, 999))) for last in (0.02, 0.03))
    assert repr(first) == repr(second)
    small(n=(4,), d=(3,), store=tmp_path, process=first)
    small(n=(4,), d=(3,), store=tmp_path, process=first)
    with pytest.raises(ValueError, match="differ in process_version"):
        small(n=(4,), d=(3,), store=tmp_path, process=second)


class Rescaled(eqx.Module):
    scale: jax.Array

    def __call__(self, points, key):
        return scores.Gaussian.fit(points * self.scale)


LEARNERS = {
    "lambdas": [lambda points, key: scores.Gaussian.fit(points), lambda points, key: scores.Empirical(points)],
    "modules": [Rescaled(jax.numpy.asarray(scale)) for scale in (1.0, 5.0)],
}


@pytest.mark.parametrize("learners", LEARNERS.values(), ids=list(LEARNERS))
def test_a_store_of_another_learner_is_refused(tmp_path, learners):
    small(n=(4,), d=(3,), store=tmp_path, learner=learners[0])
    with pytest.raises(ValueError, match=r"differ in score_version .*--fresh"):
        small(n=(4,), d=(3,), store=tmp_path, learner=learners[1])


SCRIPT = """
import numpy as np
from diffmem import data, scores, studies
held = [object() for _ in range({objects})]  # for other addresses
def learner(points, key):
    return scores.Gaussian.fit(points)
points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
studies.collapse(
    data.Dataset(points), n=(4,), d=(3,), samples=4, queries=4, steps=4, learner=learner, store={store!r}
)
"""


@pytest.mark.slow
def test_a_study_of_a_named_function_is_resumed_in_another_process(tmp_path):
    written = []
    for objects in (0, 100_000):
        code = SCRIPT.format(objects=objects, store=str(tmp_path))
        subprocess.run([sys.executable, "-c", code], check=True)
        written.append((tmp_path / "n4_d3.nc").stat().st_mtime_ns)
    assert written[0] == written[1]


def test_a_longer_grid_in_the_store_leaves_the_collapse_time_of_the_times_asked_for(tmp_path):
    times = np.geomspace(0.01, 3, 40)
    settings = {"n": (16,), "d": (3,), "samples": 6, "queries": 32, "steps": 4}
    studies.collapse(SMALL, **settings, times=times, store=tmp_path)
    for part in (times[::13], times[:4], times[25:]):
        expected = studies.collapse(SMALL, **settings, times=part)
        xr.testing.assert_identical(studies.collapse(SMALL, **settings, times=part, store=tmp_path), expected)


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module.os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        small(n=(4,), d=(3,), store=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_progress_is_told():
    told = []
    small(n=(4,), progress=lambda *news: told.append(news))
    assert told[0] == (0, 2, "n = 4, d = 2: predicting") and told[-1] == (2, 2, "done")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"n": (1,)}, "`n` must be between 2 and 40"),
        ({"n": (41,)}, "`n` must be between 2 and 40"),
        ({"n": ()}, "`n` must name"),
        ({"d": ()}, "`d` must name"),
        ({"d": (4,)}, "`d` must be at most 3"),
        ({"d": (0,)}, "`d` must be at least 1"),
        ({"samples": 0}, "`samples` must be at least 1"),
        ({"queries": 0}, "`queries` must be at least 1"),
        ({"steps": 0}, "`steps` must be at least 1"),
        ({"seed": -1}, "`seed` must be between"),
        ({"seed": 2**31}, "`seed` must be between"),
        ({"times": [0.2, 0.1]}, "`times` must be"),
        ({"process": processes.EDM(sigma_min=70.0)}, "`process` must reach"),
        ({"store": __file__}, "`store` must be a folder"),
    ],
)
def test_bad_input_is_refused_before_work(changes, sentence, cells_measured):
    with pytest.raises(ValueError, match=sentence):
        small(**changes)
    assert cells_measured[0] == []


@pytest.mark.parametrize("points, sentence", [(np.ones((1, 2)), "at least 2 points"), (np.ones((5, 2)), "are equal")])
def test_data_that_cannot_collapse_are_refused(points, sentence):
    with pytest.raises(ValueError, match=sentence):
        studies.collapse(data.Dataset(points), **COSTS)
