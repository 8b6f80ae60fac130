"""`diffmem collapse` with the help of other processes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
import xarray as xr

from diffmem.cli import main

TINY = ["--n", "4,16", "--d", "3", "--samples", "6", "--queries", "8"]
LONG = ["--n", "4,8,16,24,32", "--d", "2,3", "--samples", "2000", "--queries", "2000"]


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "cloud.npy"
    np.save(path, np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))
    return path


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        main(["collapse", *map(str, arguments)])
    return end.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--workers", "0"], "`--workers` must be at least 1, but is 0."),
        (["--workers", "-2"], "`--workers` must be at least 1, but is -2."),
        (["--workers", "two"], "--workers"),
        (["--workers", "2", "--dask", "tcp://localhost:8786"], "`--workers` must not be used together with `--dask`"),
        pytest.param(
            ["--dask", "tcp://127.0.0.1:9"],
            "tcp://127.0.0.1:9' does not answer within 5 seconds.",
            marks=pytest.mark.slow,
        ),
        (["--dask", "nowhere://x"], "must be the address of a Dask scheduler"),
    ],
)
def test_bad_workers_are_one_sentence(tmp_path, points, capsys, options, sentence):
    code, out, error = run(capsys, points, "--out", tmp_path / "o", *TINY, *options)
    assert code == 2 and out == "" and sentence in error and len(error.splitlines()) == 1, error
    assert not (tmp_path / "o").exists()


def test_without_distributed_it_says_what_to_install(tmp_path, points, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, error = run(capsys, points, "--out", tmp_path / "o", "--dask", "tcp://localhost:8786")
    assert code == 2 and 'pip install "diffmem[dask]"' in error and len(error.splitlines()) == 1


def own_environment():
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.mark.slow
def test_workers_and_dask_give_the_numbers_of_one_process(tmp_path, points, capsys):
    distributed = pytest.importorskip("distributed")
    environment = own_environment()
    assert run(capsys, points, "--out", tmp_path / "one", *TINY)[0] == 0
    code, _, error = run(capsys, points, "--out", tmp_path / "two", *TINY, "--workers", "2")
    assert code == 0 and error.splitlines()[0] == "[0/2] waiting for workers" and "[2/2] done" in error
    assert own_environment() == environment  # the limits of threads are the workers' alone
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        assert run(capsys, points, "--out", tmp_path / "dask", *TINY, "--dask", cluster.scheduler_address)[0] == 0
    one, two, dask = (
        xr.load_dataset(tmp_path / name / "collapse.nc", engine="h5netcdf") for name in ("one", "two", "dask")
    )
    xr.testing.assert_identical(one, two)
    xr.testing.assert_identical(one, dask)


@contextlib.contextmanager
def listening(answer):
    """The address of a server that says `answer` to everyone, and then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def serve():
            while True:
                with contextlib.suppress(OSError):
                    kept.append(server.accept()[0])
                    kept[-1].sendall(answer)
                if server.fileno() < 0:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(range(255, 128, -1))])
def test_a_port_of_something_else_is_said_within_seconds(tmp_path, points, capsys, answer):
    pytest.importorskip("distributed")
    with listening(answer) as address:
        code, out, error = run(capsys, points, "--out", tmp_path / "o", *TINY, "--dask", address)
    assert code == 2 and out == "" and f"{address}' does not answer within 5 seconds." in error
    assert len(error.splitlines()) == 1


# a worker in whose environment the package is not installed
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "diffmem":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""


@pytest.mark.slow
def test_a_cluster_without_workers_or_without_the_package_is_said(tmp_path, points, capsys, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("diffmem.cli.executors.MUSTER", 3)
    options = {"threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(n_workers=0, **options) as cluster:
        code, out, error = run(capsys, points, "--out", tmp_path / "o", *TINY, "--dask", cluster.scheduler_address)
        assert code == 2 and out == "" and "has 0 workers connected after 3 seconds" in error
        monkeypatch.undo()
        cluster.scale(1)
        with distributed.Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(1)
            client.run(exec, HIDE, {})
        code, out, error = run(capsys, points, "--out", tmp_path / "o", *TINY, "--dask", cluster.scheduler_address)
    assert code == 2 and out == "" and "whose workers have diffmem, but 1 of 1 lack it" in error
    assert not (tmp_path / "o").exists()


class Command:
    """The command in a session of its own, so that a signal reaches it and its workers alone."""

    def __init__(self, *arguments):
        # a shell ignores Ctrl-C for what it runs in the background, and so does all that this starts
        heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        code = heard + "from diffmem.cli import main; main()"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", code, "collapse", *map(str, arguments)]
        self.process = subprocess.Popen(command, start_new_session=True, **pipes)
        self.session = self.process.pid

    def wait_for(self, happened):
        """Until it has happened, which it must while the command runs."""
        while not happened():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)

    def workers(self):
        return [p for p in psutil.Process(self.session).children() if "spawn_main" in " ".join(p.cmdline())]

    def left(self):
        """Processes of the session that still run, after ten seconds at most."""
        for _ in range(100):
            running = [p for p in psutil.process_iter() if of_session(p, self.session)]
            if not running:
                break
            time.sleep(0.1)
        return running


def of_session(process, session):
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_and_keeps_finished_cells(tmp_path, points, capsys):
    cells = tmp_path / "o" / "cells"
    command = Command(points, "--out", tmp_path / "o", *LONG, "--workers", "2")
    command.wait_for(lambda: any(cells.glob("*.nc")))
    os.killpg(command.session, signal.SIGINT)
    out, error = command.process.communicate(timeout=60)
    assert command.process.returncode == 130 and out == ""
    assert error.splitlines()[-1].startswith("Interrupted: finished cells are in") and "Traceback" not in error, error
    assert command.left() == []
    finished = {path.name for path in cells.iterdir()} - {"settings.json"}
    assert 1 <= len(finished) < 10 and all(name.endswith(".nc") for name in finished)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "command"])
def test_a_killed_process_leaves_no_other_behind(tmp_path, points, victim):
    command = Command(points, "--out", tmp_path / "o", *LONG, "--workers", "2")
    command.wait_for(lambda: len(command.workers()) == 2)
    (command.workers()[0] if victim == "worker" else command.process).kill()
    out, error = command.process.communicate(timeout=60)
    assert command.left() == []
    if victim == "worker":
        assert command.process.returncode == 1 and out == "" and "Traceback" not in error
        assert error.splitlines()[-1].startswith(
            "A worker process died, perhaps for want of memory: finished cells are"
        )
