"""What is said of data whose collapse, speciation, outliers and copies are known."""

import functools
import json
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import xarray as xr

import diffmem
from diffmem import data, scores, theory

N, VARIANCES = 200, np.linspace(2.0, 0.5, 8)


def gaussian(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, len(VARIANCES))) * np.sqrt(VARIANCES)


@functools.cache
def plain():
    return diffmem.explain(gaussian(0), below=0.6, seed=1)


def half_weight_ratio(n: int, sets: int) -> float:
    """sigma/alpha at which the mean own weight over fresh training sets of the Gaussian law is 1/2, by brute force."""
    from scipy.optimize import brentq

    rng = np.random.default_rng(99)
    others, own = zip(*((gaussian(1000 + i, n), rng.normal(size=(n, len(VARIANCES)))) for i in range(sets)))

    def excess(log_ratio):
        r, weights = math.exp(log_ratio), []
        for points, z in zip(others, own):
            x = points + r * z
            energy = ((x[:, None] - points[None]) ** 2).sum(-1) / (2 * r**2)
            weight = np.exp(energy.min(axis=1)[:, None] - energy)
            weights.append((np.diag(weight) / weight.sum(axis=1)).mean())
        return np.mean(weights) - 0.5

    return math.exp(brentq(excess, math.log(0.2), math.log(3.0), xtol=1e-3))


@pytest.mark.slow
def test_gaussian_data_collapse_where_brute_force_on_fresh_sets_says():
    found = plain().collapse
    truth = half_weight_ratio(N, 24)
    assert abs(found.value - truth) < 4 * found.error
    assert found.error < 0.05 * truth


def test_speciation_and_spectrum_are_those_of_the_covariance():
    found, points = plain(), gaussian(0)
    eigenvalues = np.linalg.eigvalsh(np.cov(points.T, bias=True))[::-1]
    rtol = 1e-5  # points become float32 without x64
    np.testing.assert_allclose(found.spectrum, eigenvalues, rtol=rtol)
    assert found.speciation == pytest.approx(math.sqrt(eigenvalues[0]), rel=rtol)
    # alpha^2 L = sigma^2 with alpha = e^-t: t = 1/2 log(1 + L)
    assert found.speciation_time == pytest.approx(0.5 * math.log1p(eigenvalues[0]), rel=1e-4)
    assert found.collapse_time == pytest.approx(0.5 * math.log1p(float(found.collapse.value) ** 2), rel=1e-4)


def test_the_prediction_by_the_spectrum_solves_its_equation():
    against = plain().against_number
    for n, ratio in zip(against.n, against.spectrum):
        assert 0.5 * np.log1p(plain().spectrum / ratio**2).sum() == pytest.approx(math.log(n), rel=1e-6)
    assert N in against.n and 10 * N in against.n


def test_more_points_than_there_are_collapse_where_such_sets_do():
    against = plain().against_number
    i = list(against.n).index(4 * N)
    truth = theory.subset_collapse_ratio(gaussian(7, 4 * N), 4 * N, key=jr.key(3))
    assert abs(against.ratio[i] - truth.value) < 4 * math.hypot(against.error[i], truth.error)


def test_the_number_of_points_inverts_the_prediction():
    needed = plain().needed
    asked = diffmem.explain(gaussian(0), n=(round(needed.n), round(needed.low), round(needed.high)), seed=1)
    at = {int(n): (ratio, error) for n, ratio, error in zip(*asked.against_number[:3])}
    middle, low, high = (at[round(one)] for one in (needed.n, needed.low, needed.high))
    assert middle[0] == pytest.approx(0.6, rel=2e-3)
    assert math.log(low[0]) - 2 * low[1] / low[0] == pytest.approx(math.log(0.6), abs=5e-3)
    assert math.log(high[0]) + 2 * high[1] / high[0] == pytest.approx(math.log(0.6), abs=5e-3)
    assert needed.more == pytest.approx(needed.n - N)
    assert needed.low < needed.n < needed.high


def test_a_noise_above_the_collapse_needs_no_more_points():
    found = diffmem.explain(gaussian(0, 80), below=5.0)
    assert found.needed.more == 0 and "already lies below 5" in found.summary()


def test_duplicates_change_nothing_that_is_said_of_distinct_points():
    points = gaussian(0)
    repeated = diffmem.explain(np.concatenate([points, points[:30], points[:5]]), below=0.6, seed=1)
    single = plain()
    assert len(repeated.distinct.rows) == len(single.distinct.rows) == N
    assert repeated.collapse == single.collapse and repeated.speciation == single.speciation
    assert repeated.needed == single.needed
    np.testing.assert_array_equal(repeated.spectrum, single.spectrum)
    alone = dict(zip(single.first.row, single.first.ratio))
    for row, ratio, repeats in zip(repeated.first.row, repeated.first.ratio, repeated.first.repeats):
        assert repeats == 1 + (row < 30) + (row < 5)
        assert ratio == alone[row] if repeats == 1 else ratio > alone[row]


def test_the_planted_outlier_collapses_first_and_a_twin_is_seen():
    points = gaussian(3)
    points[41] *= 12 / np.linalg.norm(points[41])
    points = np.concatenate([points, points[[7]] + 1e-4])
    found = diffmem.explain(points)
    assert found.first.row[0] == 41 and found.first.outlier[0] and "outlier" in found.first.why(0)
    distance = np.linalg.norm(points - points[41], axis=1)
    distance[41] = np.inf
    assert found.first.nearest_row[0] == distance.argmin()
    assert found.first.nearest_distance[0] == pytest.approx(distance.min(), rel=1e-5)
    (twins,) = (i for i, repeats in enumerate(found.first.repeats) if repeats > 1)
    assert found.first.row[twins] == 7 and found.first.why(twins).startswith("near-duplicates, 2")
    assert "row 41" in found.summary() and "1 group of duplicates" in found.summary()


@pytest.mark.slow
def test_classes_are_told_apart_by_numbers_and_by_words():
    points = np.concatenate([gaussian(4, 60), 0.25 * gaussian(5, 40)])
    words = np.array(["wide"] * 60 + ["narrow"] * 40)
    found = diffmem.explain(points, words)
    narrow, wide = found.classes
    assert found.document["classes"][0]["collapse_time"] == found.time(narrow.collapse)
    assert (narrow.name, narrow.points, wide.name, wide.points) == ("narrow", 40, "wide", 60)
    largest = np.linalg.eigvalsh(np.cov(points[60:].T, bias=True))[-1]
    assert narrow.speciation == pytest.approx(math.sqrt(largest), rel=1e-5)
    assert wide.collapse > 2 * narrow.collapse and wide.in_set > 2 * narrow.in_set
    assert {one.name for one in diffmem.explain(points, (words == "wide").astype(int)).classes} == {"0", "1"}


def test_the_result_is_short_in_print_and_whole_in_its_files(tmp_path):
    found = plain()
    assert len(repr(found)) < 200 and "collapse at" in repr(found)
    paths = {path.name: path for path in found.save(tmp_path)}
    told = json.loads(paths["explain.json"].read_text())
    assert (told["schema"], told["schema_version"], told["seed"]) == ("diffmem.explain", 1, 1)
    assert len(told["input"]["sha256"]) == 64 and told["versions"]["diffmem"]
    assert told["collapse"]["ratio"] == float(found.collapse.value)
    with xr.open_dataset(paths["explain.nc"]) as stored:
        np.testing.assert_array_equal(stored.spectrum, found.spectrum)
    rows = paths["points.csv"].read_text().splitlines()
    assert len(rows) == N + 1 and rows[1].split(",")[2] == str(found.first.row[0])
    page = paths["explain.html"].read_text()
    assert page.count("<img") == 4 and "http" not in page and "&plusmn;" in page


def test_equal_seeds_give_equal_results_and_the_input_is_hashed():
    again = diffmem.explain(gaussian(0), below=0.6, seed=1)
    assert again.to_json() == plain().to_json()
    other = diffmem.explain(gaussian(0) + 1e-3, below=0.6, seed=1)
    assert other.document["input"]["sha256"] != again.document["input"]["sha256"]


@pytest.mark.slow
def test_pictures_are_shown():
    digits = data.digits().subset(slice(80))
    found = diffmem.explain(digits)
    from diffmem.explaining.explained_page import page

    text = page(found, found.document, found.to_dataset())
    assert text.count("image/png") >= 4 + 2 * 24


@pytest.mark.slow
def test_a_network_is_set_beside_the_optimum():
    points = gaussian(6, 64).astype(np.float32)
    found = diffmem.explain(points, network=scores.Empirical(points), queries=32)
    assert "from sigma/alpha" in found.summary() and "copies are to be expected" in found.summary()
    assert found.network.stops == 0
    assert found.document["network"]["summary"] == found.network.summary()


@pytest.mark.slow
def test_a_network_that_fails_on_the_way_is_one_sentence():
    def function(x, alpha, sigma):
        if (sigma != 1).any():
            raise RuntimeError("no such level")
        return x

    with pytest.raises(ValueError, match=r"The network must answer .* no such level") as raised:
        diffmem.explain(gaussian(6, 40), network=function, queries=8)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("points", "options", "sentence"),
    [
        (np.zeros((10, 3)), {}, "3 distinct points, but hold 1 among 10"),
        (np.full((10, 3), np.nan), {}, "finite"),
        (gaussian(0), {"below": -1.0}, "`below` must be a positive"),
        (gaussian(0), {"n": (2,)}, "`n` must be numbers of at least 3"),
        (gaussian(0), {"labels": np.zeros(3, int)}, "`labels` must be 200"),
        (gaussian(0), {"network": "mine:load"}, "`network` must be a score"),
        (gaussian(0), {"network": lambda x, t: x}, "from_torch"),
        (gaussian(0), {"seed": -1}, "seed"),
    ],
)
def test_bad_input_is_one_sentence(points, options, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        diffmem.explain(points, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_three_distinct_points_are_enough_and_say_what_is_unknown():
    found = diffmem.explain(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]]), below=0.01)
    assert math.isfinite(found.collapse.value)
    assert "do not tell" in found.summary() and json.loads(found.to_json())["needed"]["n"] is None


def test_units_of_the_data_are_units_of_the_noise():
    scaled = diffmem.explain(1000 * gaussian(0), below=600.0, seed=1)
    assert float(scaled.collapse.value) == pytest.approx(1000 * float(plain().collapse.value), rel=1e-4)
    assert scaled.needed.n == pytest.approx(plain().needed.n, rel=1e-2)


def test_arrays_of_jax_serve_as_points():
    found = diffmem.explain(jnp.asarray(gaussian(8, 40), jax.dtypes.canonicalize_dtype(float)))
    assert found.data.n == 40


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_first_points_do_not_follow_the_noise(seed):
    """Of 150 Gaussian points in five dimensions, against the mean weight over 400 noises of their own."""
    points = np.random.default_rng(7).normal(size=(150, 5)).astype(np.float32)
    explained = diffmem.explain(points, seed=seed)
    first = explained.first.row[0]
    exact = theory.point_collapse_ratios(points, np.arange(150), key=jax.random.key(99), draws=400)
    assert explained.first.ratio[0] == pytest.approx(exact[first], rel=0.15)
    assert exact[first] > 0.85 * exact.max()
