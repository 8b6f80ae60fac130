"""Strict JAX flags for the whole suite: double precision (off with DIFFMEM_X64=0), no silent promotion of types or ranks."""

import gc
import os

import jax
import matplotlib
import pytest

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", os.environ.get("DIFFMEM_X64", "1") == "1")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_functions():
    """Thousands of compiled functions in one process run out of memory maps and crash the compiler: free them by file."""
    yield
    jax.clear_caches()
    gc.collect()
