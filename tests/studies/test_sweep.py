"""One process: what a sweep returns, keeps, reads again and refuses."""

import functools
import importlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from sweep_functions import product

from diffmem import studies

sweep_module = importlib.import_module("diffmem.studies.sweep.sweep")  # the package's name is the function


class Counting:
    """A function under one name, that remembers for which arguments it was called."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, n):
        self.calls.append(n)
        return self.function(n)


def quiet(function, grid, store=None, **options):
    return studies.sweep(function, grid, store=store, progress=False, **options)


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
    broken = True

    def fails_at_two(n):
        if n == 2 and broken:
            raise OSError("two is\nwrong")
        return {"x": [n, n]}

    function = Counting(fails_at_two)
    with pytest.warns(UserWarning, match=r"1 of 3 cells failed .* n = 2: OSError: two is wrong"):
        found = quiet(function, {"n": (1, 2, 3)}, store)
    np.testing.assert_array_equal(found.error, ["", "OSError: two is wrong", ""])
    np.testing.assert_array_equal(found.x, [[1, 1], [np.nan, np.nan], [3, 3]])
    broken = False
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


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path):
    def stops_at_three(n):
        if n == 3 and function.calls.count(3) == 1:
            raise KeyboardInterrupt
        return {"root": np.sqrt(n), "ramp": np.arange(n) / 3}

    function = Counting(stops_at_three)
    with pytest.raises(KeyboardInterrupt):
        quiet(function, {"n": (1, 2, 3, 4)}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    resumed = quiet(function, {"n": (1, 2, 3, 4)}, tmp_path)
    assert function.calls == [1, 2, 3, 3, 4]
    xr.testing.assert_identical(resumed, quiet(function, {"n": (1, 2, 3, 4)}))


def test_cells_are_known_by_their_values_to_the_last_bit(tmp_path):
    function = Counting(lambda n: n)
    near = [0.1, np.nextafter(0.1, 1), 1 / 3, 5e-324, 1e300, np.inf]
    quiet(function, {"n": near}, tmp_path)
    found = quiet(function, {"n": [*near[::-1], 7.0]}, tmp_path)
    assert function.calls == [*near, 7.0]
    assert found.n.values.tolist() == found.value.values.tolist() == [*near[::-1], 7.0]


def test_order_of_axes_and_further_values_keep_the_cells(tmp_path):
    calls = []

    def sum_of(a, b):
        calls.append((a, b))
        return a + len(b)

    quiet(sum_of, {"a": (1, 2), "b": ("x", "yy")}, tmp_path)
    found = quiet(sum_of, {"b": ("yy", "zzz"), "a": (2, 1)}, tmp_path)
    assert calls[4:] == [(2, "zzz"), (1, "zzz")]
    np.testing.assert_array_equal(found.value, [[4, 3], [5, 4]])


def test_numbers_and_strings_that_look_alike_are_different_cells(tmp_path):
    function = Counting(lambda n: 0)
    for values in (
        [1],
        [1.0],
        ["1"],
        ["1.0"],
        [True],
        ["a/b", "a_b", "a:b", "", ".", "..", "A/B", "p" * 300, "p" * 301],
    ):
        quiet(function, {"n": values}, tmp_path)
    assert len(function.calls) == len(list(tmp_path.glob("*.nc"))) == 14


@pytest.mark.parametrize("damage", [b"", b"not a NetCDF file", None])
def test_a_damaged_cell_is_computed_again(tmp_path, damage):
    function = Counting(lambda n: {"x": [n, 2 * n]})
    first = quiet(function, {"n": (1, 2)}, tmp_path)
    path = min(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage is None else damage)
    with pytest.warns(UserWarning, match=r"is damaged: n = 1 is computed again"):
        xr.testing.assert_identical(quiet(function, {"n": (1, 2)}, tmp_path), first)
    assert function.calls == [1, 2, 1]


def test_a_file_under_the_name_of_another_cell_is_damaged(tmp_path):
    quiet(product, {"n": (1, 2), "beta": (1,)}, tmp_path)
    one, two = sorted(tmp_path.iterdir())
    one.write_bytes(two.read_bytes())
    with pytest.warns(UserWarning, match="damaged"):
        assert quiet(product, {"n": (1,), "beta": (1,)}, tmp_path).value.item() == 1


def other(n, beta):
    raise AssertionError("must not be called")


@pytest.mark.parametrize("beta", [1, 2])
def test_a_store_of_another_function_is_refused(tmp_path, beta):
    quiet(product, {"n": (1,), "beta": (1,)}, tmp_path)
    with pytest.raises(ValueError, match=r"differ in function \(\S+product there, \S+other here\)"):
        quiet(other, {"n": (1,), "beta": (beta,)}, tmp_path)


def test_arguments_of_a_partial_belong_to_the_function(tmp_path):
    quiet(functools.partial(product, beta=2), {"n": (1,)}, tmp_path)
    assert quiet(functools.partial(product, beta=2), {"n": (1,)}, tmp_path).value.item() == 2
    with pytest.raises(ValueError, match=r"product\(beta=2\) there, \S+product\(beta=3\) here"):
        quiet(functools.partial(product, beta=3), {"n": (2,)}, tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path, monkeypatch):
    quiet(product, {"n": (1,), "beta": (1,)}, tmp_path)
    monkeypatch.setattr(sweep_module, "__version__", "9.9")
    with pytest.raises(ValueError, match=r"differ in diffmem \(\S+ there, 9\.9 here\): choose another folder"):
        quiet(product, {"n": (1,), "beta": (1,)}, tmp_path)


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


def test_a_store_that_is_a_file_is_refused():
    with pytest.raises(ValueError, match="`store` must be a folder"):
        quiet(product, {"n": (1,), "beta": (1,)}, __file__)


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
    assert len(list(tmp_path.iterdir())) == 58


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
    assert 3 <= len(list(tmp_path.iterdir())) <= len(function.calls) < 50
    finished = len(list(tmp_path.iterdir()))
    before = len(function.calls)
    found = quiet(function, {"n": range(50)}, tmp_path)
    assert len(function.calls) == before + 50 - finished
    np.testing.assert_array_equal(found.value, range(50))


def test_ctrl_c_during_a_write_is_heard_when_the_cell_is_whole(tmp_path, monkeypatch):
    original = os.replace

    def interrupted(source, target):
        signal.raise_signal(signal.SIGINT)
        original(source, target)

    # a process in the background may have been started deaf to it
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, "replace", interrupted)
            quiet(product, {"n": (1, 2), "beta": (3,)}, tmp_path)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert [path.name[:11] for path in tmp_path.iterdir()] == ["beta=3,n=1-"]
    assert xr.load_dataset(next(tmp_path.iterdir()), engine="h5netcdf").value == 3


SCRIPT = """
from diffmem import studies
from sweep_functions import noted
studies.sweep(noted, {{"n": range(40), "log": [{log!r}], "seconds": [0.1]}}, store={store!r})
"""


@pytest.mark.slow
def test_a_sweep_that_was_killed_goes_on_where_it_stopped(tmp_path):
    log, store = tmp_path / "log", tmp_path / "store"
    code = SCRIPT.format(log=str(log), store=str(store))
    run = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent, stderr=subprocess.DEVNULL)
    while len(list(store.glob("*.nc"))) < 3 and run.poll() is None:
        time.sleep(0.01)
    run.kill()
    assert run.wait() < 0
    finished = len(list(store.glob("*.nc")))
    assert 3 <= finished < 40
    called = len(log.read_text().split())
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True, stderr=subprocess.DEVNULL)
    assert len(list(store.glob("*.nc"))) == 40
    assert len(log.read_text().split()) == called + 40 - finished
