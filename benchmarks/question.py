"""One case of one question, in a process of its own: `python benchmarks/question.py NAME CASE SCALE PATH`."""

import importlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from book import Book

PACKAGES = ["diffmem", "jax", "jaxlib", "equinox", "diffrax", "numpy", "scipy", "scikit-learn"]
RIVALS = ["torch", "pykeops", "faiss-cpu", "smalldiffusion", "diffusionlab"]


def main(name: str, case: str, scale: str, path: str) -> None:
    """Run the case; its book lies at `path`."""
    book = Book(Path(path), scale)
    question = importlib.import_module(name)
    # the question comes first: it may have to say something to JAX before JAX looks at its devices
    import jax
    from measure import copy_bandwidth

    jax.config.update("jax_enable_x64", getattr(question, "DOUBLE", False))
    book.machine(machine() | {"copy_bandwidth": copy_bandwidth()})
    question.run(book, case)


def machine() -> dict:
    """What a reader must know of where the numbers come from."""
    import jax

    device = jax.devices()[0]
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "device": f"{device.platform}: {device.device_kind}",
        "blas": blas(),
        "versions": {package: version(package) for package in PACKAGES + RIVALS},
        "commit": commit(),
    }


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def blas() -> str:
    """The libraries behind NumPy's and SciPy's products, with the kernels that they chose."""
    try:
        import numpy as np
        import scipy.linalg  # brings a library of its own
        import threadpoolctl
    except ImportError:
        return "unknown"
    scipy.linalg.blas.dgemm(1.0, np.ones((2, 2)), np.ones((2, 2)))
    found = {
        f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')}, {pool['num_threads']} threads)"
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }
    return ", ".join(sorted(found))


def version(package: str) -> str | None:
    """None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The commit of the checkout, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
