"""Labels whose records share the foreground, the background, both or neither, and classes of what they generate."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ...scores import GaussianMixture, Labelled
from ..base import Results
from ..measurements import Group, together

TYPES = ("verbatim", "foreground", "background", "none")  # what the records of a label share
COPIED = np.array([[True, True], [True, False], [False, True], [False, False]])  # (types, regions)
EACH = 10  # labels of each type
RECORDS = 20  # of each label
SIZE = 16  # dimensions of a region; centres are drawn from N(0, I)
SPREAD = 0.7  # standard deviation of records about the centre of their label where they are not copied
THRESHOLD = 0.95  # cosine from which a region, or the whole, is a copy
TOP = 5  # records that are looked at, of highest mean cosine of both regions
CLEAR, BLURRED = 0.15, 0.3  # noises of the copied region up to which, and at which, classes are judged
NOISE = 0.1  # of the copied region where one foreground is in many records


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    noises: tuple[float, ...] = (0.0, 0.1, CLEAR, 0.2, 0.25, BLURRED, 0.4)  # of a copied region
    samples: int = 10  # for each label
    sharers: tuple[int, ...] = (1, 2, 5, 10, 20, 50)  # records that share one foreground
    generations: int = 20  # of that foreground


FULL = Settings()
SMOKE = Settings(noises=(0.0, CLEAR, BLURRED))


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """Classes against the noise of copied regions, and how many records match one foreground."""
    first, second = jax.random.split(key)
    return together(classes(settings, first), one_to_many(settings, second))


def labelled_records(noise: float, key: PRNGKeyArray) -> Float[Array, "labels records regions size"]:
    """Records of 4 x 10 labels: `centre + s z`, s the noise in the regions that the label copies, else .7."""
    first, second = jax.random.split(key)
    spread = jnp.asarray(np.repeat(np.where(COPIED, noise, SPREAD), EACH, axis=0))
    centres = jax.random.normal(first, (len(spread), 1, 2, SIZE))
    return centres + spread[:, None, :, None] * jax.random.normal(second, (len(spread), RECORDS, 2, SIZE))


@eqx.filter_jit
def generated(records: Array, count: int, key: PRNGKeyArray) -> Float[Array, "labels count regions size"]:
    """Samples of a model that fits a Gaussian of diagonal covariance to the records of each label."""
    labels = jnp.arange(len(records))
    mixture = GaussianMixture(jnp.ones(len(records)), records.mean(axis=1), records.var(axis=1))
    model = Labelled(mixture, labels, 0)
    draw = lambda label, key: model.conditioned(label).draw(count, key=key)  # noqa: E731
    return jax.vmap(draw)(labels, jax.random.split(key, len(records)))


def cosines(samples: np.ndarray, records: np.ndarray) -> Float[np.ndarray, "samples records"]:
    """The cosine of each sample with each record."""
    unit = [part / np.linalg.norm(part, axis=-1, keepdims=True) for part in (samples, records)]
    return unit[0] @ unit[1].T


def copied_regions(samples: np.ndarray, records: np.ndarray) -> Bool[np.ndarray, "samples regions"]:
    """Which regions of each sample (count, 2, size) are copied: cosine at least .95 with one of the five records of
    highest mean cosine of both regions.
    """
    both = np.stack([cosines(samples[:, region], records[:, region]) for region in range(2)], axis=-1)
    top = np.argsort(-both.mean(axis=-1), axis=1)[:, :TOP]
    return (np.take_along_axis(both, top[..., None], axis=1) >= THRESHOLD).any(axis=1)


def classes(settings: Settings, key: PRNGKeyArray) -> Group:
    """Accuracy of the classes, and what the cosine of the whole flags of each type, by the noise of copied regions."""
    accuracy, flagged = [], []
    for noise, one in zip(settings.noises, jax.random.split(key, len(settings.noises))):
        first, second = jax.random.split(one)
        records = labelled_records(noise, first)
        samples = np.asarray(generated(records, settings.samples, second)).reshape(-1, 2, SIZE)
        training = np.asarray(records).reshape(-1, 2, SIZE)
        truth = np.repeat(COPIED, EACH * settings.samples, axis=0)
        accuracy.append((copied_regions(samples, training) == truth).all(axis=1).mean())
        whole = cosines(samples.reshape(len(samples), -1), training.reshape(len(training), -1)).max(axis=1)
        flagged.append((whole >= THRESHOLD).reshape(len(TYPES), -1).mean(axis=1))
    curves = xr.Dataset(
        {"accuracy": ("noise", accuracy), "flagged": (("noise", "type"), flagged)},
        {"noise": list(settings.noises), "type": list(TYPES)},
    )
    values = {
        "accuracy_clear": curves.accuracy.sel(noise=curves.noise <= CLEAR).min(),
        "accuracy_blurred": curves.accuracy.sel(noise=BLURRED),
        "whole": curves.flagged.sel(type=["foreground", "background"]).max(),
    }
    return values, curves


def one_to_many(settings: Settings, key: PRNGKeyArray) -> Group:
    """How many records match generations of a foreground that some of them share, on backgrounds of their own."""
    total = max(settings.sharers)
    keys = jax.random.split(key, 4)
    centre = jax.random.normal(keys[0], (SIZE,))
    centre = centre / jnp.sqrt(jnp.mean(centre**2))  # so that the noise is a share of its own coordinates
    copies = np.asarray(centre[None] + NOISE * jax.random.normal(keys[1], (total, SIZE)))
    others = np.asarray(jax.random.normal(keys[2], (4 * total, SIZE)))
    samples = np.asarray(centre[None] + NOISE * jax.random.normal(keys[3], (settings.generations, SIZE)))
    sizes = [
        (cosines(samples, np.concatenate([copies[:count], others])) >= THRESHOLD).sum(axis=1)
        for count in settings.sharers
    ]
    found = xr.DataArray(sizes, dims=("sharers", "generation"), coords={"sharers": list(settings.sharers)})
    return {"match_set": abs(found - found.sharers).max()}, xr.Dataset({"matches": found})
