"""Training that leaves out records of large guidance gaps: what it does to copies, and to records never seen."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ... import studies, training
from ...scores import Learned
from ..measurements import Group, share

QUANTILES = {"median": 0.5, "95 %": 0.95}  # of the gaps of ordinary records without a rule, as thresholds
RULES = ("none", *QUANTILES, "records removed")
NOISIEST = studies.label_objective().levels.at(1.0)


@eqx.filter_jit
def gaps_of(score: Learned, labels: Int[Array, "n"], x: Float[Array, "n d"]) -> Float[Array, "n"]:
    """The gap of the two branches at pure noise, for each label with its noise."""
    return jax.vmap(lambda label, one: training.noise_gap(score, label, one, NOISIEST))(labels, x)


def drop_rule(key: PRNGKeyArray, *, steps: int = 2000, warm_up: int = 200, starts: int = 20) -> Group:
    """Networks of labelled records trained without a rule, with two thresholds, and without the repeated records.

    Numbers: `drop_median_cut` and `drop_high_cut`, the share of copies of the repeated records that a threshold avoids;
    `drop_median_cost`, the relative rise of the loss on held-out records of ordinary labels; `drop_removed`, the share
    of copies without the repeated records. Cost: some 10,000 steps of training.
    """
    data_key, fit_key, gap_key, start_key = jax.random.split(key, 4)
    data = studies.labelled_records(key=data_key)
    runs = [studies.train_label_network(data, key=fit_key, steps=steps)]
    gaps = gaps_of(runs[0].score, data.labels, jax.random.normal(gap_key, data.points.shape))
    first = studies.train_label_network(data, key=fit_key, steps=warm_up).score
    for quantile in QUANTILES.values():
        limit = jnp.quantile(gaps[data.labels >= data.memorized], quantile)
        rule = training.GapDropping(studies.label_objective(), limit, NOISIEST)
        later, left = jax.random.fold_in(fit_key, 1), steps - warm_up
        runs.append(studies.train_label_network(data, key=later, steps=left, start=first, objective=rule))
    removed = data.without(np.arange(data.memorized))
    runs.append(studies.train_label_network(removed, key=fit_key, steps=steps))
    noise = jax.random.normal(start_key, (starts, data.points.shape[1]))
    labels = jnp.arange(data.memorized)
    copied = [studies.copied_by_label(studies.generated_by_label(r.score, labels, noise), data).mean() for r in runs]
    loss = [float(r.held_out_loss[-1]) for r in runs]
    count = data.memorized * starts
    values = {
        "drop_median_cut": share(1 - copied[1] / copied[0], count),
        "drop_median_cost": loss[1] / loss[0] - 1,
        "drop_high_cut": share(1 - copied[2] / copied[0], count),
        "drop_removed": share(copied[3], count),
    }
    curves = {"drop_copied": ("rule", copied), "drop_held_out_loss": ("rule", loss)}
    return values, xr.Dataset(curves, {"rule": list(RULES)})
