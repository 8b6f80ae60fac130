"""What a GPU is given

Programs that XLA compiles for an H100, counted on a machine without one, with the plan that the library makes for it:
`pip install "jax[cuda12]"` has the compiler. *Kernels* are launches (fusions, products and library calls) of one
posterior of a batch, or of one step of Heun's method with all its branches; each costs a few microseconds before
it does anything. *Branches* and *loops* are those of the whole program: for a branch the device waits for its host,
and a loop launches its kernels once more each time. *Sorts* are of whole rows. *Temporaries* are the memory that the
program plans beside its arguments. *One line* and *by hand* are as in `accelerator.py`, where times are measured.
Products are not tuned here, for which a device would have to run them.
"""

import re
import sys
from collections import Counter
from types import SimpleNamespace
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from by_hand import heun_by_hand, one_line
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

from diffmem import processes
from diffmem.integrators import Heun, grids
from diffmem.level import NoiseLevel
from diffmem.metrics.neighbours import accelerated
from diffmem.scores import Empirical

ENVIRONMENT = {"JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1", "XLA_FLAGS": "--xla_gpu_autotune_level=0", "JAX_ENABLE_X64": "0"}
# what XLA asks a device for, here as NVIDIA publishes it
H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 }  core_count: 132  fpus_per_core: 128  clock_rate_ghz: 1.98
  threads_per_block_limit: 1024  threads_per_warp: 32  threads_per_core_limit: 2048
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  shared_memory_per_block: 49152  shared_memory_per_core: 233472  shared_memory_per_block_optin: 232448
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000  l2_cache_size: 52428800  device_memory_size: 84929347584
}
runtime_version { major: 12 minor: 8 }  dnn_version_info { major: 9 minor: 7 }
platform_name: "CUDA"  device_description_str: "NVIDIA H100 80GB HBM3"
"""
OURS, LINE, SCAN = "diffmem", "one line", "lax.scan by hand"
STEPS = 18
POSTERIORS = ["1000 x 1797 x 64", "256 x 5000 x 784", "64 x 50000 x 784", "1024 x 50000 x 784", "64 x 50000 x 3072"]
SAMPLES = ["Heun 18, 64 x 5000 x 784", "Heun 18, 1024 x 5000 x 784"]
NEAREST = "two nearest, 1160 x 50000 x 3072"
LAUNCHED = {"fusion", "custom-call", "copy", "sort", "convolution", "dot"}


def cases(full: bool) -> list[str]:
    """All shapes of the table of `accelerator.py`, or the smallest one."""
    return [*POSTERIORS, *SAMPLES, NEAREST] if full else POSTERIORS[:1]


def run(book, case: str) -> None:
    """Compile and count."""
    try:
        device = topologies.get_topology_desc(platform="cuda", topology="1x1x1", target_config=H100).devices[0]
    except NotImplementedError:
        return book.row(case, OURS, failure='the compiler is not installed: `pip install "jax[cuda12]"`')
    batch, n, d = map(int, case.split(", ")[-1].split(" x "))
    there = SimpleNamespace(default_backend=lambda: "gpu", devices=lambda: [device])
    with mock.patch.object(sys.modules["diffmem.reductions.plan"], "jax", there):
        if case == NEAREST:
            return nearest(book, case, device, batch, n, d)
        score = Empirical(np.zeros((n, d), np.float32))
        programs = sampled(score, batch, d) if case in SAMPLES else posteriors(score, batch, d)
        found = {name: counted(book, case, name, device, *program) for name, program in programs.items()}
    if case in SAMPLES:
        book.goal(case, "branches of a step", found[OURS]["branches"], most=2)
    else:
        whole = n * d <= 1 << 27
        book.goal(case, "branches and loops", found[OURS]["branches"] + found[OURS]["loops"], most=0 if whole else 1)


def posteriors(score, batch: int, d: int) -> dict:
    """Ours, all of the posterior, and D by the one line."""
    x, sigma = jnp.zeros((batch, d), jnp.float32), jnp.float32(2)

    def ours(score, x, sigma):
        return jax.vmap(lambda x: score.posterior(x, NoiseLevel(1.0, sigma)))(x)

    return {OURS: (ours, score, x, sigma), LINE: (one_line, x, sigma, score.centres.offsets, score.centres.squares)}


def sampled(score, batch: int, d: int) -> dict:
    """Heun's method by the stepper that `sample` runs and by a scan, from the same starts."""
    process, x = processes.EDM(), jnp.zeros((batch, d), jnp.float32)
    times = grids.karras(process, steps=STEPS)

    def ours(score, x, key):
        return jax.vmap(lambda x: Heun().denoised(score, process, x, times, key=key)[0])(x)

    centres = score.centres
    return {
        OURS: (ours, score, x, jax.random.key(0)),
        SCAN: (heun_by_hand, jnp.asarray(times, jnp.float32), x, centres.offsets, centres.squares),
    }


def nearest(book, case, device, batch: int, n: int, d: int) -> None:
    """A block of queries of the search."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((batch, d), (n, d), (d,), ())]
    with jax.enable_x64(True):
        block = lambda *parts: accelerated._block(*parts, 2, accelerated.candidates_of(2, n))  # noqa: E731
        found = counted(book, case, OURS, device, block, *shapes)
    book.goal(case, "sorts of all distances", found["sorts"], most=0)


def counted(book, case: str, name: str, device, function, *arguments) -> dict[str, int]:
    """What the program compiled for the device consists of."""
    sharding = SingleDeviceSharding(device)
    placed = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)  # noqa: E731
    shapes = jax.tree.map(placed, arguments)
    program = jax.jit(function).trace(*shapes).lower().compile()
    found = numbers(program.as_text())
    temporaries = program.memory_analysis().temp_size_in_bytes
    book.entry(case=case, method=name, **found, **{"temporaries, MB": temporaries / 1e6})
    return found


def numbers(text: str) -> dict[str, int]:
    """Kernels, branches, loops and long sorts of what is launched, from the text of a compiled program."""
    body, entry, name = {}, "", ""
    for line in text.splitlines():
        if head := re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", line):
            name = head[2]
            body[name], entry = [], name if head[1] else entry
        elif name and (operation := re.match(r"\s+(?:ROOT )?%[\w.\-]+ = .*? ([a-z][\w\-]*)\(", line)):
            body[name].append((operation[1], line))
    # what is reached without launching anything
    reached, waiting = [], [(entry, False)]
    while waiting:
        name, repeated = waiting.pop()
        reached.append((name, repeated))
        for kind, line in body[name]:
            if kind in ("while", "conditional", "call"):
                called = re.findall(r"(?:body|to_apply|true_computation|false_computation)=%([\w.\-]+)", line)
                branches = re.search(r"branch_computations=\{([^}]*)\}", line)
                called += re.findall(r"%([\w.\-]+)", branches[1]) if branches else []
                waiting += [(other, repeated or kind == "while") for other in called]
    every = Counter(kind for name, _ in reached for kind, _ in body[name])
    looped = any(repeated for _, repeated in reached)
    kernels = sum(kind in LAUNCHED for name, repeated in reached for kind, _ in body[name] if repeated or not looped)
    rows = re.findall(r"\[\d+,(\d+)\]\S* sort\(", text)
    long = sum(int(length) > 1000 for length in rows)
    return {"kernels": kernels, "branches": every["conditional"], "loops": every["while"], "sorts": long}
