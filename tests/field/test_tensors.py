"""Tensors of PyTorch wherever points are taken: of any precision, with gradients, at once the numbers they stand for.

numpy cannot read bfloat16 or tensors that require gradients.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

import diffmem
from diffmem import data, integrators, metrics, processes, scores, studies, theory
from diffmem.level import NoiseLevel, read_tensor

torch = pytest.importorskip("torch")

FLOAT = np.zeros((), jnp.zeros(()).dtype).dtype
# 8 bits of mantissa: every precision holds them
POINTS = np.random.default_rng(0).integers(-16, 16, size=(12, 3)) / 16
KEY, LEVEL = jax.random.key(0), NoiseLevel(1.0, 0.5)
PROCESS = processes.EDM(sigma_max=10.0)
TIMES = integrators.grids.karras(PROCESS, 4)
SHRINK = scores.FromFunction(lambda x, level: x / 2)

TENSORS = {
    "plain": lambda: torch.tensor(POINTS, dtype=torch.float32),
    "double": lambda: torch.tensor(POINTS),
    "bfloat16": lambda: torch.tensor(POINTS, dtype=torch.bfloat16),
    "half with gradients": lambda: torch.tensor(POINTS, dtype=torch.float16, requires_grad=True),
    "a parameter": lambda: torch.nn.Parameter(torch.tensor(POINTS, dtype=torch.float32)),
    "a view": lambda: torch.tensor(POINTS, dtype=torch.float32).T.contiguous().T,
}
DOORS = {
    "Empirical": lambda points: scores.Empirical(points).denoise(np.zeros(3, np.float32), LEVEL),
    "Gaussian.fit": lambda points: scores.Gaussian.fit(points).denoise(np.ones(3, np.float32), LEVEL),
    "Gaussian": lambda points: scores.Gaussian(points[0], points[:3].T @ points[:3]).mean,
    "mixture": lambda points: scores.GaussianMixture(abs(points[:, 0]) + 1, points, abs(points[:, 1]) + 1).means,
    "mixture.fit": lambda points: scores.GaussianMixture.fit(points, 2).means,
    "Dataset": lambda points: data.Dataset(points).points,
    "nearest": lambda points: metrics.nearest(points[:4], points, 2).distance,
    "memorization": lambda points: metrics.memorization(points[:4] + 0.01, points).d1,
    "distances": lambda points: metrics.sliced_wasserstein(points[:6], points[6:], key=KEY).value,
    "denoising loss": lambda points: metrics.denoising_loss(SHRINK, points, LEVEL, key=KEY).value,
    "spectrum": theory.spectrum,
    "start": lambda points: (
        diffmem.sample(SHRINK, PROCESS, integrators.DDIM(), TIMES, (3,), 12, key=KEY, start=points).points
    ),
    "query": lambda points: scores.Empirical(np.float32(POINTS)).denoise(points[0], LEVEL),
    "optimum": lambda points: (
        studies.against_optimum(SHRINK, points[:8], points[8:], key=KEY, draws=1).to_dataset().loss
    ),
}


@pytest.mark.parametrize("name", TENSORS)
def test_what_a_tensor_stands_for(name):
    found = read_tensor(TENSORS[name]())
    assert type(found) is np.ndarray and found.dtype in (np.float32, np.float64)
    np.testing.assert_array_equal(found, POINTS)
    assert read_tensor(POINTS) is POINTS


@pytest.mark.parametrize("door", DOORS)
def test_every_door(door):
    """The same as from the NumPy array of those numbers."""
    tensor = TENSORS["half with gradients"]()
    np.testing.assert_allclose(DOORS[door](tensor), DOORS[door](np.float32(POINTS)), rtol=2e-3, atol=2e-3)
    tensor = torch.tensor(POINTS, dtype=torch.float32, requires_grad=True)
    np.testing.assert_allclose(DOORS[door](tensor), DOORS[door](np.float32(POINTS)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"Gaussian"}))  # which multiplies the array itself
def test_arrays_on_a_mesh_of_explicit_axes(door):
    """What `jax.make_mesh` makes in newer versions of JAX: array code would have to name the sharding of its results."""
    devices = np.array(jax.devices()[:1])
    mesh = Mesh(devices, ("points",), axis_types=(AxisType.Explicit,))
    placed = jax.device_put(np.float32(POINTS), NamedSharding(mesh, PartitionSpec("points")))
    np.testing.assert_allclose(DOORS[door](placed), DOORS[door](np.float32(POINTS)), rtol=1e-5, atol=1e-6)
