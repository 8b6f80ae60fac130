"""Other processes: the same numbers as one, whatever dies on the way."""

import importlib
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import jax
import numpy as np
import pytest
import xarray as xr
from sweep_functions import bytes_of_a_float, deadly_square, kills_at_two, slow_square

from diffmem import data, studies

POINTS = data.gaussian(40, 3, key=jax.random.key(0))


def spawned(workers=2):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


def small(**options):
    return studies.collapse(POINTS, n=(4, 16), d=(3,), samples=6, queries=8, steps=4, **options)


@pytest.fixture(scope="module")
def expected():
    return small()


@pytest.mark.slow
def test_a_study_on_threads_is_the_study_of_one_process(tmp_path, expected):
    told = []
    with ThreadPoolExecutor(2) as threads:
        found = small(executor=threads, store=tmp_path, progress=lambda *news: told.append(news))
    xr.testing.assert_identical(found, expected)
    assert len(list(tmp_path.glob("*.nc"))) == 2
    assert told[0] == (0, 2, "waiting for workers") and told[-1] == (2, 2, "done")


@pytest.mark.slow
def test_a_study_on_processes_is_the_study_of_one_process_and_reads_its_cells(tmp_path, expected):
    with spawned() as processes:
        found = small(executor=processes, store=tmp_path)
        bits = studies.sweep(bytes_of_a_float, {"n": (1, 2)}, store=None, executor=processes, progress=False)
    xr.testing.assert_identical(found, expected)
    told = []
    xr.testing.assert_identical(small(store=tmp_path, progress=lambda *news: told.append(news)), expected)
    assert told == [(2, 2, "done")]
    assert (bits.value == (8 if jax.config.jax_enable_x64 else 4)).all()


@pytest.mark.slow
def test_a_process_that_dies_fails_unfinished_cells_which_the_next_call_computes(tmp_path):
    grid = {"n": range(12), "deadly": (5,), "mark": (str(tmp_path / "mark"),)}
    with spawned() as processes, pytest.warns(UserWarning, match="of 12 cells failed"):
        first = studies.sweep(deadly_square, grid, store=tmp_path, executor=processes, progress=False).squeeze()
    failed = (first.error != "").values
    assert failed[5] and first.error[5].item().startswith("BrokenProcessPool")
    assert len(list(tmp_path.glob("*.nc"))) == 12 - failed.sum()
    np.testing.assert_array_equal(first.value.values[~failed], np.arange(12)[~failed] ** 2)
    with spawned() as processes:
        again = studies.sweep(deadly_square, grid, store=tmp_path, executor=processes, progress=False).squeeze()
    np.testing.assert_array_equal(again.value, np.arange(12) ** 2)
    assert (again.error == "").all()


@pytest.mark.slow
def test_dask_makes_up_for_a_worker_that_is_killed(client, tmp_path):
    killed = []

    def kill_one(done, total, stage):
        if done == 3 and not killed:
            killed.append(min(client.run(os.getpid).values()))
            os.kill(killed[0], signal.SIGKILL)

    grid = {"n": range(16), "seconds": (0.1,)}
    found = studies.sweep(slow_square, grid, store=tmp_path, executor=client.get_executor(), progress=kill_one)
    assert killed and len(list(tmp_path.glob("*.nc"))) == 16
    xr.testing.assert_identical(found, studies.sweep(slow_square, grid, store=None, progress=False))


@pytest.mark.slow
def test_a_cell_that_kills_every_dask_worker_fails_and_does_not_hang(client):
    with pytest.warns(UserWarning, match="of 4 cells failed"):
        found = studies.sweep(kills_at_two, {"n": range(4)}, store=None, executor=client.get_executor(), progress=False)
    assert found.error[2].item().startswith("KilledWorker")
    # a cell that waited in the same worker each time may fall with it, but none is wrong
    others = (found.error == "").values
    np.testing.assert_array_equal(found.value.values[others], np.arange(4)[others] ** 2)
    assert found.value.isnull().values.tolist() == (~others).tolist()


@pytest.mark.slow
def test_a_study_on_dask_is_the_study_of_one_process(client, expected):
    xr.testing.assert_identical(small(executor=client.get_executor()), expected)


def test_a_cell_that_fails_lets_the_others_finish_and_says_which_it_was(tmp_path, monkeypatch):
    module = importlib.import_module("diffmem.studies.collapse.study")
    original = module.measure_cell

    def fails_once(dataset, n, *rest):
        if n == 4:
            raise MemoryError("no room")
        return original(dataset, n, *rest)

    monkeypatch.setattr(module, "measure_cell", fails_once)
    with pytest.raises(MemoryError, match="no room") as caught:
        small(store=tmp_path)
    assert caught.value.__notes__ == ["in the cell n = 4, d = 3"]
    assert sorted(path.name for path in tmp_path.glob("*.nc")) == ["n16_d3.nc"]


@pytest.mark.slow
def test_forked_processes_are_refused_before_they_hang():
    with (
        ProcessPoolExecutor(1, mp_context=get_context("fork")) as forked,
        pytest.raises(RuntimeError, match="not fork"),
    ):
        small(executor=forked)
