"""Cliques among the generations of prompts that copy with a given probability; adaptive distances of noisy records."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ... import metrics, theory
from ...integrators import DDIM
from ...metrics import extraction
from ...scores import GaussianMixture
from ..base import Results
from ..latent_diffusion import log_snr
from ..measurements import Group, together

D, TILES = 16, np.arange(16) // 4  # coordinates, and the block in which each lies
WIDTH = 0.01  # standard deviation of a copy
GENERATIONS, SIZE, NEAR = 500, 10, 0.1  # of a prompt; of a clique; largest difference of the blocks of a near pair
NEIGHBOURS, RECORDS, COPIES = 50, 1000, 100
NOISES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
WHOSE = ("matched record", "generation")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    masses: tuple[float, ...] = (0.01, 0.015, 0.02, 0.025, 0.03, 0.05)
    prompts: int = 100  # for each mass
    steps: int = 200  # of the flow


FULL = Settings()
SMOKE = Settings(masses=(0.02,), prompts=5, steps=50)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Cliques of generations, then noisy records."""
    clique_key, ladder_key = jax.random.split(key)
    return together(cliques(settings, clique_key), ladder(ladder_key))


def cliques(settings: Settings, key: PRNGKeyArray) -> Group:
    """The share of prompts with a clique beside its law, for each mass."""
    image_key, start_key = jax.random.split(key)
    images = jax.random.normal(image_key, (settings.prompts, D))
    shares, copied, beyond = [], [], 0
    for i, mass in enumerate(settings.masses):
        found = generated(images, jnp.asarray(mass), settings.steps, jax.random.fold_in(start_key, i))
        sizes = np.array([clique_size(part) for part in found])
        copies = (np.linalg.norm(found - np.asarray(images)[:, None], axis=-1) < 0.5).sum(axis=1)
        beyond = max(beyond, np.abs(sizes - copies)[copies > 1].max(initial=0))
        shares.append(np.mean(sizes >= SIZE))
        copied.append(copies.mean() / GENERATIONS)
    law = theory.clique_probability(np.array(settings.masses), GENERATIONS, SIZE)
    error = np.sqrt(law * (1 - law) / settings.prompts)
    values = {"clique_is_the_copies": beyond}
    if len(settings.masses) > 1:
        values["clique_law"] = np.max(np.abs(shares - law) / error)
    rows = {"found": shares, "law": law, "error": error, "copied": copied}
    curves = {name: ("mass", np.array(row)) for name, row in rows.items()}
    return values, xr.Dataset(curves, {"mass": list(settings.masses)})


def generated(images, mass, steps: int, key: PRNGKeyArray) -> np.ndarray:
    """Generations (prompts, 500, 16) from pure noise, of one prompt after the other."""
    return np.asarray(_generated(images, mass, *log_snr(steps), jax.random.split(key, len(images))))


@eqx.filter_jit
def _generated(images, mass, process, times, keys):
    def prompt(inputs):
        image, key = inputs
        shares, means = jnp.stack([mass, 1 - mass]), jnp.stack([image, jnp.zeros_like(image)])
        score = GaussianMixture(shares, means, jnp.asarray([WIDTH**2, 1.0], image.dtype))
        starts = process.sigma(times[0]).astype(image.dtype) * jax.random.normal(key, (GENERATIONS, D), image.dtype)
        return jax.vmap(lambda x: DDIM().denoised(score, process, x, times, key=key)[0])(starts)

    return jax.lax.map(prompt, (images, keys))


def clique_size(generations: np.ndarray) -> int:
    """The size of the largest set of generations that are near one another."""
    return len(extraction.largest_clique(extraction.tile_distances(generations, TILES) < NEAR))


def ladder(key: PRNGKeyArray) -> Group:
    """Shares of noisy records below the cut, with either unit, and of new points."""
    draws = [
        np.asarray(jax.random.normal(k, (n, D))) for k, n in zip(jax.random.split(key, 3), (RECORDS, COPIES, COPIES))
    ]
    train, noise, fresh = draws
    records = train[:COPIES]
    unit = metrics.nearest(records, train, k=NEIGHBOURS + 1).distance[:, 1:].mean(axis=1, keepdims=True)
    noisy = [records + size * unit * noise / D**0.5 for size in NOISES]
    shares = [
        [extraction.adaptive_distance(part, train, NEIGHBOURS, of_record=own).extracted.mean() for part in noisy]
        for own in (True, False)
    ]
    at = dict(zip(NOISES, shares[0]))
    new = extraction.adaptive_distance(fresh, train, NEIGHBOURS, of_record=True).extracted.mean()
    values = {"ladder_near": at[0.3], "ladder_middle": at[0.5], "ladder_far": at[0.8], "fresh": new}
    return values, xr.Dataset(
        {"extracted": (("neighbours", "noise"), shares)}, {"neighbours": list(WHOSE), "noise": list(NOISES)}
    )
