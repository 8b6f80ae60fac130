"""Strict JAX flags for the whole suite, and what makes compilation, most of its time, cheaper.

Flags: double precision (off with DIFFMEM_X64=0), no silent promotion of types or ranks.
"""

import gc
import os
from pathlib import Path

import jax
import matplotlib
import pytest

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", os.environ.get("DIFFMEM_X64", "1") == "1")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# most programs of the suite run once, for less time than their compilation takes: without optimised machine code, by XLA's
# older emitters of kernels and in one module they are the same up to rounding, and compile in a quarter of the time.
# Flags that the caller has set stay, so `XLA_FLAGS=` compiles as users do
QUICK = ("backend_optimization_level=0", "cpu_use_fusion_emitters=false", "cpu_parallel_codegen_split_count=1")
os.environ.setdefault("XLA_FLAGS", " ".join(f"--xla_{flag}" for flag in QUICK))

# what one process compiled is read by the other one, by processes that tests start, and by the next run;
# a folder that the caller has named stays
ROOT = Path(__file__).parents[1]
FOLDER = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "compiled"))
SECONDS = os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
jax.config.update("jax_compilation_cache_dir", FOLDER)
jax.config.update("jax_persistent_cache_min_compile_time_secs", float(SECONDS))

MAPS, LIMIT = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
# compiled functions that are kept make later tests faster; beyond this many maps they fill the memory
MOST_MAPS = min(40_000, int(LIMIT.read_text()) // 2) if LIMIT.exists() else 0


def pytest_collection_finish():
    """What is imported by now stays, so no collection looks at it again; traced programs fill the youngest generation fast."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_functions():
    """Each compiled function takes memory maps, of which a process has a limited number: a compiler without maps crashes.

    So they are freed between modules once there are many, and always where the number of maps cannot be read.
    """
    yield
    if not MAPS.exists() or MAPS.read_text().count("\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()
