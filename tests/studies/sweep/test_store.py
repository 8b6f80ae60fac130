"""The folder that keeps finished cells: what is read again, and what is refused."""

import functools
import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sweep_functions import Counting, product, quiet

sweep_module = importlib.import_module("diffmem.studies.sweep.sweep")  # the package's name is the function


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path):
    def stops_at_three(n):
        if n == 3 and function.calls.count(3) == 1:
            raise KeyboardInterrupt
        return {"root": np.sqrt(n), "ramp": np.arange(n) / 3}

    function = Counting(stops_at_three)
    with pytest.raises(KeyboardInterrupt):
        quiet(function, {"n": (1, 2, 3, 4)}, tmp_path)
    assert len(list(tmp_path.glob("*.nc"))) == 2
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
    path = min(tmp_path.glob("*.nc"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage is None else damage)
    with pytest.warns(UserWarning, match=r"is damaged: n = 1 is computed again"):
        xr.testing.assert_identical(quiet(function, {"n": (1, 2)}, tmp_path), first)
    assert function.calls == [1, 2, 1]


def test_a_file_under_the_name_of_another_cell_is_damaged(tmp_path):
    quiet(product, {"n": (1, 2), "beta": (1,)}, tmp_path)
    one, two = sorted(tmp_path.glob("*.nc"))
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


def test_a_store_that_is_a_file_is_refused():
    with pytest.raises(ValueError, match="`store` must be a folder"):
        quiet(product, {"n": (1,), "beta": (1,)}, __file__)


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
    assert [path.name[:11] for path in tmp_path.glob("*.nc")] == ["beta=3,n=1-"]
    assert xr.load_dataset(next(tmp_path.glob("*.nc")), engine="h5netcdf").value == 3


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
