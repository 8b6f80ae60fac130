"""One guided step from pure noise for labels of one record, of a template and of unrelated records."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import PRNGKeyArray

from ...integrators import DDIM
from ...metrics import detection, extraction
from ...scores import Empirical, Guided, Labelled
from ..base import Results
from ..flows import flow_from
from ..latent_diffusion import stable_diffusion
from ..measurements import measurements

D, SHARED, NOISE = 32, 16, 0.1  # coordinates, those of a template, and the noise on them
MEMBERS, STARTS, WEIGHT = 20, 64, 7.5
KINDS = ("single", "template", "generic")


class Settings(NamedTuple):
    """Parameters of the experiment; the defaults are those of the full scale."""

    labels: int = 20  # of each kind


FULL = Settings()
SMOKE = Settings(labels=5)


def experiment(settings: Settings, key: PRNGKeyArray) -> Results:
    """One-step estimates of all labels, and the masks of the template labels."""
    data_key, start_key = jax.random.split(key)
    points, labels, kinds = records(settings.labels, data_key)
    process, times = stable_diffusion()
    noise = jax.random.normal(start_key, (STARTS, D))
    whole, level = Empirical(points), process.level(times[0])
    found, variances = [], []
    for label, kind in enumerate(kinds):
        one = Labelled(whole, labels, label)
        step = extraction.one_step(Guided(one, whole, WEIGHT), level.sigma * noise, level)
        found.append((largest_cosine(step.estimate, points[labels == label]), step.change.mean(), step.consistency))
        if kind == "template":
            ends = flow_from(level.sigma * noise, one, process, times, integrator=DDIM(), finish="denoise").points
            variances.append(np.asarray(ends))
    table = np.array(found, np.float64).reshape(len(KINDS), -1, 3)
    masks = [extraction.template_mask(ends, points.var(axis=0)) for ends in variances]
    curves = {name: (("kind", "label"), table[..., i]) for i, name in enumerate(("cosine", "change", "consistency"))}
    curves["variance"] = ("coordinate", np.mean([ends.var(axis=0) for ends in variances], axis=0) / points.var(axis=0))
    dataset = xr.Dataset(curves, {"kind": list(KINDS)})
    return Results(measurements(summary(dataset, masks)), dataset)


def records(labels: int, key: PRNGKeyArray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Points, their labels, and the kind of each label: single ones first, then templates, then generic ones."""
    single, base, noise, generic = jax.random.split(key, 4)
    sets = labels, MEMBERS, D
    template = jax.random.normal(base, sets)
    shared = template[:, :1, :SHARED] + NOISE * jax.random.normal(noise, (labels, MEMBERS, SHARED))
    template = template.at[:, :, :SHARED].set(shared)
    parts = jax.random.normal(single, (labels, 1, D)), template, jax.random.normal(generic, sets)
    points = np.concatenate([np.asarray(part).reshape(-1, D) for part in parts])
    members = np.concatenate([np.full(labels, part.shape[1]) for part in parts])
    return points, np.repeat(np.arange(3 * labels), members), list(np.repeat(KINDS, labels))


def largest_cosine(estimates: jax.Array, own: np.ndarray) -> float:
    """The mean over estimates of the largest cosine with a record."""
    unit = jnp.asarray(own / np.linalg.norm(own, axis=1, keepdims=True))
    return float(((estimates @ unit.T).max(axis=1) / jnp.linalg.norm(estimates, axis=1)).mean())


def summary(found: xr.Dataset, masks: list[np.ndarray]) -> dict[str, float]:
    """The numbers of the claims."""
    shared = np.arange(D) < SHARED
    change = found.change.sel(kind="single").values, found.change.sel(kind="generic").values
    return {
        "single": float(found.cosine.sel(kind="single").mean()),
        "generic": float(found.cosine.sel(kind="generic").mean()),
        "white_box": detection.roc(*change).auc,
        "template": min(float((mask & shared).sum() / (mask | shared).sum()) for mask in masks),
    }
