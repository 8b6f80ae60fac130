"""Surrogate labels: a model without labels is guided towards clusters of its own samples."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ...annotations import Point, Points, Scalar
from ...checks import as_values, check_count, check_points
from ...level import NoiseLevel, cast_level, float_dtype, strong
from ...scores import AbstractScore, Evaluation, GaussianMixture, Labelled
from ...scores.base import noise_of


def surrogate_labels(
    samples: Points, clusters: int, *, cohesion: float | None = None, seed: int = 0
) -> Int[np.ndarray, "count"]:
    """The k-means cluster of each sample of a model, numbered from 0 without gaps; -1 for clusters that are dropped.

    A cluster is dropped where the mean cosine of its members with its centre is below `cohesion` (default: none is);
    the origin has the cosine 0 with everything.
    Raises ValueError unless 1 <= clusters <= count, and where every cluster is dropped.
    Source: Chen et al., arXiv:2410.02467, who cluster 100 groups of image features and drop those below .5.
    """
    from sklearn.cluster import KMeans

    check_points(samples)
    check_count("clusters", clusters)
    rows = np.asarray(samples, np.float64).reshape(len(samples), -1)
    if clusters > len(rows):
        raise ValueError(f"`clusters` must be at most {len(rows)}, the number of samples, but is {clusters}.")
    found = KMeans(clusters, n_init=4, random_state=seed).fit(rows)
    labels = found.labels_.astype(int)
    if cohesion is not None:
        cosines = (_directions(rows) * _directions(found.cluster_centers_)[labels]).sum(1)
        means = np.array([cosines[labels == k].mean() for k in range(clusters)])
        labels = np.where(means[labels] < cohesion, -1, labels)
    kept = np.unique(labels[labels >= 0])
    if not kept.size:
        raise ValueError(f"`cohesion` must leave at least one cluster, but {cohesion} drops all.")
    return np.where(labels >= 0, np.searchsorted(kept, labels), -1)


def _directions(rows: Float[np.ndarray, "count d"]) -> Float[np.ndarray, "count d"]:
    """Rows of norm 1; zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def class_gaussians(
    samples: Points, labels: Int[np.ndarray, "count"], label: int = 0, *, balanced: bool = False
) -> Labelled:
    """One isotropic Gaussian for each label, with the mean, mean variance and share of its samples.

    Noise turns it into a Gaussian again, so that it is a classifier at every noise level. With `balanced` all labels
    are equally likely beforehand, as where labels are drawn uniformly for guidance. Labels below 0 do not count. A
    label without spread, of one sample, takes the mean variance of the others. Moments are summed in float64.
    Raises ValueError where no sample has the label, and where no label has any spread.
    """
    samples, labels = as_values("samples", samples), np.asarray(labels)
    samples, dtype = np.asarray(samples, np.float64), np.dtype(float_dtype(samples))
    names = np.unique(labels[labels >= 0])
    own = [samples[labels == name] for name in names]
    means = np.stack([part.mean(axis=0) for part in own])
    variances = np.array([part.var(axis=0).mean() for part in own])
    if not variances.any():
        raise ValueError("`labels` must leave some label more than one distinct sample, but leave none.")
    variances = np.where(variances > 0, variances, variances[variances > 0].mean())
    shares = np.array([1.0 if balanced else len(part) for part in own])
    return Labelled(GaussianMixture(shares, means.astype(dtype), variances.astype(dtype)), names, label)


class ClassifierGuided(AbstractScore):
    """Classifier guidance: `s + w grad log p(label | x)`, the class posterior being that of one law for each class.

    By Bayes' rule `grad log p(label | x) = s(x | label) - s(x)` of the law `classes`, so that with its denoisers
    `D' = D + w (D_label - D_all)`. `classes` is a `Labelled` mixture whose label may be chosen by `with_label`, such as
    `class_gaussians` of the model's own samples; `weight` w = 0 leaves `score` as it is.
    Source: Dhariwal and Nichol, arXiv:2105.05233; with surrogate labels (SIDE), Chen et al., arXiv:2410.02467.
    """

    inner: AbstractScore
    classes: Labelled
    weight: Scalar

    def with_label(self, label: Int[ArrayLike, ""]) -> "ClassifierGuided":
        """The score guided to another label."""
        return ClassifierGuided(self.inner, self.classes.conditioned(label), self.weight)

    def evaluate(self, x: Point, level: NoiseLevel) -> Evaluation:
        """Mean and noise, both moved by the classifier; what the inner score found is handed on."""
        found = self.inner.evaluate(x, level)
        label, every = self.classes.evaluate(x, level), self.classes.unconditional.evaluate(x, level)
        weight = strong(self.weight, found.mean.dtype)
        mean = found.mean + weight * (label.mean - every.mean)
        noise = found.noise + weight * (label.noise - every.noise)
        # at sigma = 0 both noises of the classes may be infinite, and their difference is not defined
        clean = cast_level(level, mean.dtype).sigma == 0
        return Evaluation(mean, jnp.where(clean, noise_of(mean, x, level), noise), found.info)

    def divergence(self, x: Point, level: NoiseLevel) -> Float[Array, ""]:
        """The combination of the divergences."""
        label, every = self.classes.divergence(x, level), self.classes.unconditional.divergence(x, level)
        return self.inner.divergence(x, level) + strong(self.weight, label.dtype) * (label - every)
