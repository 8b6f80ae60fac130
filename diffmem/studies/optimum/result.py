"""What a comparison with the optimum found: its numbers, and what they mean in words."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from .departure import followed

PER_COORDINATE = "squared data units per coordinate"
VARIABLES = {
    "set": ("set of points", "1"),
    "ratio": ("noise-to-signal ratio sigma/alpha", "data units"),
    "loss": ("denoising loss of the score", PER_COORDINATE),
    "loss_exact": ("denoising loss of the exact score of the training points", PER_COORDINATE),
    "loss_gaussian": ("denoising loss of the Gaussian fitted to the training points", PER_COORDINATE),
    "excess_exact": ("denoising loss of the score minus that of the exact score", PER_COORDINATE),
    "excess_exact_error": ("standard error of excess_exact over points", PER_COORDINATE),
    "excess_gaussian": ("denoising loss of the score minus that of the fitted Gaussian", PER_COORDINATE),
    "excess_gaussian_error": ("standard error of excess_gaussian over points", PER_COORDINATE),
    "distance_exact": ("root mean square distance of the denoiser from the exact one, per coordinate", "data units"),
    "distance_exact_error": ("standard error of distance_exact over points", "data units"),
    "distance_gaussian": (
        "root mean square distance of the denoiser from the Gaussian's, per coordinate",
        "data units",
    ),
    "distance_gaussian_error": ("standard error of distance_gaussian over points", "data units"),
    "distance_apart": ("root mean square distance of the exact denoiser from the Gaussian's", "data units"),
    "leader_weight": ("largest posterior weight of a training point under the exact score, mean over points", "1"),
    "departure": ("departure from the exact denoiser on training points; it is followed below 1", "1"),
    "stops": ("sigma/alpha at which the score stops following the exact one; 0 if never", "data units"),
    "stops_low": ("lower end of its 95 % interval, bootstrap over points", "data units"),
    "stops_high": ("upper end of its 95 % interval, bootstrap over points", "data units"),
    "collapse": ("sigma/alpha at the collapse of the exact score: measured, or else by the spectrum", "data units"),
    "collapse_by_spectrum": ("sigma/alpha that the spectrum predicts for the collapse", "data units"),
    "speciation": ("sigma/alpha of speciation", "data units"),
    "step": ("sigma/alpha of the caller's own steps", "data units"),
}


class AgainstOptimum(NamedTuple):
    """A score beside the exact score of its training set; `summary()` says what that means."""

    dataset: xr.Dataset
    """Losses, distances and marks over (set, ratio)."""

    def __repr__(self) -> str:
        low, high = self.dataset.ratio.values[[0, -1]]
        ranges = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in self.followed) or "nowhere"
        return f"AgainstOptimum(sigma/alpha from {low:.3g} to {high:.3g}, follows the exact score: {ranges})"

    def to_dataset(self) -> xr.Dataset:
        """The numbers as an xarray dataset, with long names and units."""
        return self.dataset

    @property
    def stops(self) -> float:
        """sigma/alpha at which the score stops following the exact one, on the way from noise to data.

        0 where it never stops within the levels, NaN where it does not follow at the most noise.
        """
        return float(self.dataset.stops)

    @property
    def followed(self) -> list[tuple[float, float]]:
        """The ranges of sigma/alpha in which the score follows the exact one, from noise to data."""
        return followed(self.dataset.departure.values, self.dataset.ratio.values)

    def summary(self) -> str:
        """One paragraph: where the score follows the optimum of its training loss, and what that means for copying."""
        return " ".join([self._where(), self._copying(), self._losses(), self._schedule()]).strip()

    def _where(self) -> str:
        n, ranges = self.dataset.attrs["n"], self.followed
        who = f"the exact score of its {n} training points, the optimum of the training loss"
        if not ranges:
            return f"The score does not follow {who}, at any level."
        low, high = self.dataset.ratio.values[[0, -1]]
        if ranges == [(low, high)]:
            return f"The score follows {who}, at all levels from sigma/alpha = {high:.3g} down to {low:.3g}."
        words = ", and ".join(f"from sigma/alpha = {b:.3g} down to {a:.3g}" for a, b in ranges)
        interval = ""
        if self.stops > 0:
            ends = (float(self.dataset[name]) for name in ("stops_low", "stops_high"))
            interval = " (the first stop has the 95 % interval {:.3g} to {:.3g})".format(*ends)
        return f"The score follows {who}, {words}{interval}."

    def _copying(self) -> str:
        collapse, (low, high) = float(self.dataset.collapse), self.dataset.ratio.values[[0, -1]]
        where = f"the collapse ({self.dataset.attrs['collapse_is']} at {collapse:.3g})"
        if not low <= collapse <= high:
            return f"{where.capitalize()} lies beyond these levels, which say nothing of copies."
        committed = f"{where}, at which a path of the exact score commits to one training point"
        inside = [(a, b) for a, b in self.followed if a < collapse]
        if not inside:
            left = "It has left before" if self.followed else "Nor does it at"
            return (
                f"{left} {committed}. That does not exclude copies, which a denoiser makes that is near "
                "the exact one without following it: count them by `metrics.memorization`."
            )
        a, b = inside[-1]
        if b < collapse:
            return (
                f"It has left before {committed}, but returns at {b:.3g}: a path ends on the training point that is "
                "the most probable there, so that copies are to be expected."
            )
        if a <= low:
            return f"It follows through {committed}, and down to the least noise: copies are to be expected."
        weight = np.interp(np.log(a), np.log(self.dataset.ratio), self.dataset.leader_weight.sel(set="train"))
        return (
            f"It follows past {committed}, and leaves at {a:.3g}, where one point holds {weight:.2g} of the exact "
            "weight on average: copies are to be expected, as far from the points as its denoiser is."
        )

    def _losses(self) -> str:
        ratio = float(
            self.dataset.ratio[int(np.argmin(np.abs(np.log(self.dataset.ratio / self.dataset.collapse)).values))]
        )
        here = self.dataset.sel(ratio=ratio)
        losses = {"train": "training", "held_out": "held-out"}
        told = " and ".join(f"{float(here.loss.sel(set=name)):.3g} on {losses[name]}" for name in here.set.values)
        exact, gaussian = (float(here[f"distance_{name}"].sel(set="train")) for name in ("exact", "gaussian"))
        nearer = "the exact score" if exact < gaussian else "the fitted Gaussian"
        return (
            f"At {ratio:.3g} its loss per coordinate is {told} points, "
            f"and its denoiser is nearer to {nearer} (root mean square distances {exact:.3g} and {gaussian:.3g})."
        )

    def _schedule(self) -> str:
        steps, collapse = self.dataset.step.values, float(self.dataset.collapse)
        if not steps.size:
            return ""
        return f"Of the {steps.size} nodes of the schedule, {int((steps < collapse).sum())} lie below the collapse."
