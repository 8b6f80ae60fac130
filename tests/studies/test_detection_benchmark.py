"""The benchmark of detectors: its groups, its table, a learned score, and detectors that know the answer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, networks, processes, scores, studies
from diffmem.metrics import detection
from diffmem.studies.detection_benchmark import ANY, DIGIT, FEW, NEIGHBOURS, PAIRS, POSITIVE, Candidate

PROCESS = processes.OrnsteinUhlenbeck(t_min=1e-3, t_max=3.0)
TIMES = integrators.grids.log_snr(PROCESS, steps=8)
DIGITS = studies.digit_prompts(key=jax.random.key(3), n=200, count=4)
KEY = jax.random.key(4)


def test_groups_describe_what_they_say():
    sizes = {POSITIVE: 1, NEIGHBOURS: 2, ANY: 30, DIGIT: 30, FEW: 3}
    for name, size in sizes.items():
        assert [int(members.sum()) for members in DIGITS.groups[name]] == [size] * 4
    assert len({int(np.argmax(members)) for members in DIGITS.groups[POSITIVE]}) == 4
    for one, two in zip(DIGITS.groups[POSITIVE], DIGITS.groups[NEIGHBOURS]):
        away = np.linalg.norm(DIGITS.points - DIGITS.points[one], axis=1)
        np.testing.assert_array_equal(np.sort(np.flatnonzero(two)), np.sort(np.argsort(away, kind="stable")[:2]))
    np.testing.assert_allclose((DIGITS.points.mean(), DIGITS.points.std()), (0, 1), atol=1e-4)
    members = DIGITS.groups[FEW][0]
    np.testing.assert_allclose(DIGITS.guided()(members).conditional.prior(), members / 3, atol=1e-6)


@pytest.mark.slow
def test_the_table_holds_the_means_of_the_detectors_and_their_areas():
    groups = {name: DIGITS.groups[name][: 3 if name == ANY else 4] for name in (POSITIVE, ANY)}
    candidates = {"gap": Candidate(detection.guidance_gap, 8), **studies.other_candidates()}
    found = studies.prompt_detection(DIGITS.guided(), groups, candidates, PROCESS, TIMES, (64,), key=KEY, starts=3)
    assert found.statistic.shape == (3, 2, 4) and np.isnan(found.statistic.sel(group=ANY).values[:, 3]).all()
    assert found.evaluations.sel(detector="curvature") == 4
    noise_key, path_key = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), 2))
    starts = PROCESS.level(TIMES[0]).sigma * jax.random.normal(noise_key, (3, 64), TIMES.dtype)
    law = detection.guidance_gap(DIGITS.guided()(groups[ANY][2]), starts, PROCESS, TIMES, path_key).mean()
    np.testing.assert_allclose(found.statistic.sel(detector="gap", group=ANY).values[2], law, rtol=1e-5)
    areas = studies.separations(found, [(POSITIVE, ANY), (ANY, ANY)], fpr=0.1)
    assert areas.auc.shape == (3, 2)
    # one image has no variance over noises, and groups of equal members have an area of 1/2
    assert float(areas.auc.sel(detector="variance over noises")[0]) == 1
    np.testing.assert_allclose(areas.auc.values[:, 1], 0.5)


@pytest.mark.slow
def test_gaps_of_parts_of_a_path_agree_with_the_whole():
    run = DIGITS.guided()(DIGITS.groups[DIGIT][0]), jnp.ones((2, 64), TIMES.dtype), PROCESS, TIMES, KEY
    every = detection.measured_along(detection.gap, *run)
    parts = studies.gap_candidates(8, early=3)
    laws = every[0], every[:3].mean(axis=0), every[:8].mean(axis=0), every[7]
    for one, law in zip(parts.values(), laws, strict=True):
        np.testing.assert_allclose(one.detector(*run), law, rtol=1e-5)
    assert [one.evaluations for one in parts.values()] == [1, 3, 8, 8]


@pytest.mark.slow
def test_a_learned_score_is_tried_by_its_labels():
    network = networks.ResidualMLP(64, 16, labels=6, key=KEY)
    learned = scores.Learned(network, scores.predictions.Preconditioned(1.0))
    guided = lambda label: scores.Guided(learned.conditioned(label), learned, 7.5)  # noqa: E731
    groups = {POSITIVE: [0, 1], ANY: [2, 3, 4]}
    found = studies.prompt_detection(guided, groups, studies.other_candidates(), PROCESS, TIMES, (64,), key=KEY)
    assert np.isfinite(found.statistic.sel(group=ANY)[:, :3]).all()
    assert studies.separations(found, [(POSITIVE, ANY)]).auc.shape == (2, 1)


def test_the_pairs_name_groups():
    assert {name for pair in PAIRS for name in pair} == set(DIGITS.groups)
    with pytest.raises(ValueError, match="`starts` must be at least 1"):
        studies.prompt_detection(DIGITS.guided(), {}, {}, PROCESS, TIMES, (64,), key=KEY, starts=0)
