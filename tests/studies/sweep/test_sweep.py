"""One process: what a sweep returns, keeps, reads again and refuses."""

import time
from concurrent.futures import ThreadPoolExecutor

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from sweep_functions import Counting, product, quiet

from diffmem import studies


def test_numbers_lie_at_their_coordinates():
    beta = np.array([0.3, -1.0, 1 / 3])
    found = quiet(product, {"n": (4, 2), "beta": beta})
    assert found.value.dims == ("n", "beta")
    np.testing.assert_array_equal(found.value, np.outer([4, 2], beta))
    np.testing.assert_array_equal(found.beta, beta)
    assert (found.error == "").all()


def test_the_function_is_given_the_values_as_they_are():
    given = []
    quiet(lambda **cell: given.append(cell) or 0, {"a": np.arange(2), "b": ("x", "y/z"), "c": jnp.array([0.5])})
    assert given == [{"a": a, "b": b, "c": 0.5} for a in (0, 1) for b in ("x", "y/z")]
    assert {type(value) for cell in given for value in cell.values()} == {int, str, float}


def test_arrays_of_a_mapping_get_dimensions_and_shorter_ones_end_in_nan():
    found = quiet(lambda n: {"ramp": jnp.arange(n), "even": n % 2 == 0, "total": n * (n - 1) / 2}, {"n": (3, 1, 4)})
    assert found.ramp.dims == ("n", "ramp_0") and found.ramp.shape == (3, 4)
    np.testing.assert_array_equal(found.ramp.isnull().sum("ramp_0"), [1, 3, 0])
    np.testing.assert_array_equal(found.ramp.sum("ramp_0"), found.total)
    np.testing.assert_array_equal(found.even, [False, False, True])


def test_datasets_are_aligned_by_their_coordinates():
    def curve(n):
        t = np.arange(n, n + 3) / 4
        return xr.Dataset(
            {"square": ("t", t**2, {"units": "s"})}, {"t": t, "root": ("t", np.sqrt(t))}, {"made": "here"}
        )

    found = quiet(curve, {"n": (1, 2)})
    np.testing.assert_array_equal(found.t, np.arange(1, 5) / 4)
    np.testing.assert_array_equal(found.square.isnull(), [[False, False, False, True], [True, False, False, False]])
    np.testing.assert_array_equal(found.square.max("n"), found.t**2)
    assert found.attrs["made"] == "here" and found.square.attrs == {"units": "s"} and "root" in found.coords


def test_variables_that_only_some_cells_have_are_nan_elsewhere():
    found = quiet(lambda n: {"a": 1} if n == 1 else {"b": [1, 2], "flag": True}, {"n": (1, 2)})
    np.testing.assert_array_equal(found.a, [1, np.nan])
    np.testing.assert_array_equal(found.b, [[np.nan, np.nan], [1, 2]])
    np.testing.assert_array_equal(found.flag, [np.nan, 1])


@pytest.mark.parametrize("stored", [False, True])
def test_a_failed_cell_is_recorded_stops_no_other_and_is_tried_again(tmp_path, stored):
    store = tmp_path if stored else None
    broken = [True]  # in a list, which does not count as another version of the function

    def fails_at_two(n):
        if n == 2 and broken[0]:
            raise OSError("two is\nwrong")
        return {"x": [n, n]}

    function = Counting(fails_at_two)
    with pytest.warns(UserWarning, match=r"1 of 3 cells failed .* n = 2: OSError: two is wrong"):
        found = quiet(function, {"n": (1, 2, 3)}, store)
    np.testing.assert_array_equal(found.error, ["", "OSError: two is wrong", ""])
    np.testing.assert_array_equal(found.x, [[1, 1], [np.nan, np.nan], [3, 3]])
    broken[0] = False
    found = quiet(function, {"n": (1, 2, 3)}, store)
    np.testing.assert_array_equal(found.x[:, 0], [1, 2, 3])
    assert function.calls == ([1, 2, 3, 2] if stored else [1, 2, 3, 1, 2, 3])


def test_where_all_cells_fail_there_are_errors_alone():
    with pytest.warns(UserWarning, match="2 of 2"):
        found = quiet(lambda n: 1 / 0, {"n": (1, 2)})
    assert list(found.data_vars) == ["error"] and (found.error == "ZeroDivisionError: division by zero").all()


@pytest.mark.parametrize(
    "result, sentence",
    [
        (None, "must return a real number"),
        ("text", "must return a real number"),
        (1j, "must return a real number"),
        ({}, "at least one variable"),
        ({"n": 1}, "free, but returns n"),
        ({"error": 1}, "free, but returns error"),
        (xr.Dataset({"x": ("n", [1.0])}), "free, but returns n"),
        ({"value": [1, 2]}, r"same dimensions in all cells, but value has \('value_0',\) here and \(\) in"),
    ],
)
def test_a_result_that_does_not_fit_is_a_failed_cell(result, sentence):
    with pytest.warns(UserWarning, match=sentence):
        found = quiet(lambda n: n if n == 1 else result, {"n": (1, 2)})
    np.testing.assert_array_equal(found.value, [1, np.nan])


def test_what_no_file_can_hold_is_a_failed_cell(tmp_path):
    held = xr.Dataset({"x": 1.0}, attrs={"thing": object()})
    with pytest.warns(UserWarning, match="1 of 1 cells failed"):
        quiet(lambda n: held, {"n": (1,)}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "grid, sentence",
    [
        ({}, "at least one axis"),
        ({"n": (), "beta": (1,)}, "`n` at least one value"),
        ({"n": (1,), "beta": np.array([])}, "`beta` at least one value"),
        ({"n": (1, 2, 1), "beta": (1,)}, "`n` values that differ"),
        ({"n": (1, 1.0), "beta": (1,)}, "`n` values that differ"),
        ({"n": (1, "a"), "beta": (1,)}, "`n` either real numbers or strings"),
        ({"n": ((1, 2), (3, 4)), "beta": (1,)}, "`n` either real numbers or strings"),
        ({"n": (1j,), "beta": (1,)}, "`n` either real numbers or strings"),
        ({"n": (np.nan,), "beta": (1,)}, "no NaN"),
        ({"n": (10**30,), "beta": (1,)}, "64 bits"),
        ({"n": "abc", "beta": (1,)}, "`n` a sequence of values"),
        ({"n": (1,)}, "must name the arguments of .*product, but it has missing a required argument: 'beta'"),
        ({"n": (1,), "beta": (1,), "x": (1,)}, "unexpected keyword argument 'x'"),
        ({"n": (1,), "error": (1,)}, "must not name an axis `error`"),
    ],
)
def test_bad_grids_are_refused_before_work(tmp_path, grid, sentence):
    with pytest.raises(ValueError, match=sentence):
        quiet(product, grid, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_progress_is_told_shown_or_silent(tmp_path, capsys):
    told = []
    grid = {"n": (1, 2), "beta": (0.5,)}
    studies.sweep(product, grid, store=tmp_path, progress=lambda *news: told.append(news))
    assert told[0] == (0, 2, "n = 1, beta = 0.5: running") and told[-1] == (2, 2, "done")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    quiet(product, grid)
    assert capsys.readouterr() == ("", "")
    studies.sweep(product, grid, store=tmp_path)
    assert capsys.readouterr() == ("", "[2/2] done\n")


def test_threads_give_the_numbers_of_one_process(tmp_path):
    grid = {"n": range(1, 30), "beta": (0.1, 1 / 3)}
    with ThreadPoolExecutor(4) as threads:
        found = quiet(product, grid, tmp_path, executor=threads)
    xr.testing.assert_identical(found, quiet(product, grid))
    assert len(list(tmp_path.glob("*.nc"))) == 58


def test_an_interrupt_cancels_what_is_pending_and_keeps_what_is_finished(tmp_path):
    def waits(n):
        time.sleep(0.02)
        return n

    def interrupt(done, total, stage):
        if done == 3:
            raise KeyboardInterrupt

    function = Counting(waits)
    with ThreadPoolExecutor(1) as threads, pytest.raises(KeyboardInterrupt):
        studies.sweep(function, {"n": range(50)}, store=tmp_path, executor=threads, progress=interrupt)
    assert 3 <= len(list(tmp_path.glob("*.nc"))) <= len(function.calls) < 50
    finished = len(list(tmp_path.glob("*.nc")))
    before = len(function.calls)
    found = quiet(function, {"n": range(50)}, tmp_path)
    assert len(function.calls) == before + 50 - finished
    np.testing.assert_array_equal(found.value, range(50))
