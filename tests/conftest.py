"""Strict JAX flags for the whole suite: double precision (off with DIFFMEM_X64=0), no silent promotion of types or ranks."""

import os

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", os.environ.get("DIFFMEM_X64", "1") == "1")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
