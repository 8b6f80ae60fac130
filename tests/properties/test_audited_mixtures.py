"""Mixtures of copies and fresh data: the interval of the fraction covers what was mixed, in at least 93 of 100 draws.

The rule looks at each sample alone, so the draws of one set of digits share a search: a pool of copies and a pool of
fresh points are judged once, and a mixture draws from both.
"""

import numpy as np
import pytest
from audits import as_jpeg
from scipy.spatial.distance import cdist

import diffmem
from diffmem import data
from diffmem.auditing.shares import share

SHARES = (0.0, 0.001, 0.01, 0.1, 1.0)
DRAWS, SAMPLES = 100, 500
CHANGED = {"flips": "mirrored", "shifts": "shifted", "tiles": "in part"}


def levels(images, most, rng):
    return np.clip(images.astype(int) + rng.integers(-most, most + 1, images.shape), 0, 255).astype(np.uint8)


def shifted(images):
    return np.pad(images, ((0, 0), (1, 0), (0, 0)))[:, :-1]


COPIES = {
    "exact": lambda train, rng: train,
    "noise": lambda train, rng: levels(train, 6, rng),
    "one level": lambda train, rng: levels(train, 1, rng),
    "JPEG": lambda train, rng: as_jpeg(train, 90),
    "mirrored": lambda train, rng: train[:, :, ::-1],
    "shifted": lambda train, rng: shifted(train),
}
TRAINING = {
    "as it is": lambda train, rng: train,
    "with repeated points": lambda train, rng: np.concatenate([train, train[:300], train[:100]]),
    "with a JPEG of each": lambda train, rng: np.concatenate([train, as_jpeg(train, 90)]),
    "with a twin of one level": lambda train, rng: np.concatenate([train, levels(train, 1, rng)]),
}


@pytest.fixture(scope="module")
def split():
    """MNIST as bytes: 1,500 digits to train on, 1,000 held out, 2,500 others."""
    pixels = np.round(127.5 * (data.mnist().events + 1)).astype(np.uint8)
    return np.split(pixels[np.random.default_rng(2024).permutation(len(pixels))], (1500, 2500))


def judged(copies, fresh, train, test, option=None):
    """For each copy, and for each fresh point, whether it is found."""
    settings = {option: 1 if option == "shifts" else True} if option else {}
    found = diffmem.audit(np.concatenate([copies, fresh]), train, test, **settings)
    flags = found.arrays["ratio_copied"].values
    if option:
        by = {row["sample_row"]: CHANGED[option] in row["by"] for row in found.rows}
        flags = np.array([by[k] for k in range(len(flags))])
    return np.split(flags, [len(copies)])


def covered(copies, fresh, q, rng):
    """In how many draws the interval covers q."""
    hits = 0
    for _ in range(DRAWS):
        count = rng.binomial(SAMPLES, q)
        drawn = np.concatenate([rng.choice(copies, count), rng.choice(fresh, SAMPLES - count)])
        low, high = share(drawn).interval
        hits += low <= q <= high
    return hits


CASES = [(kind, "as it is", None) for kind in ("exact", "noise", "one level", "JPEG")]
CASES += [("noise", training, None) for training in TRAINING if training != "as it is"]
CASES += [("mirrored", "as it is", "flips"), ("shifted", "as it is", "shifts")]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "training", "option"), CASES)
def test_the_interval_covers_the_share_of_copies(split, kind, training, option):
    train, test, others = split
    rng = np.random.default_rng(7)
    pools = judged(COPIES[kind](train[:500], rng), others[:1000], TRAINING[training](train, rng), test, option)
    for q in SHARES:
        assert covered(*pools, q, rng) >= 93, (q, [pool.mean() for pool in pools])


@pytest.mark.slow
def test_partial_copies_are_found_where_tiles_are_asked_for(split):
    """A quarter of a training image in a fresh one. Plain quarters, which agree with many, prove nothing."""
    train, test, others = split
    joined = others[:400].copy()
    joined[:, 14:, 14:] = train[:400, 14:, 14:]
    found = diffmem.audit(np.concatenate([joined, others[400:800]]), train, test, tiles=2)
    by = [row["by"] for row in sorted(found.rows, key=lambda row: row["sample_row"])]
    flags = np.array(["tile" in words for words in by])
    quarters = train[:, 14:, 14:].reshape(len(train), -1).astype(float)
    second = np.partition(cdist(quarters[:400], quarters), 1, axis=1)[:, 1]
    neighbours = np.sort(cdist(train[:400].reshape(400, -1), train.reshape(len(train), -1).astype(float)), axis=1)[:, 1]
    told = second > 0.6 * np.median(neighbours) / 2  # the area of a quarter, and a margin
    assert told.mean() > 0.5 and flags[:400][told].all()
    assert flags[400:].mean() < 0.01 and found.document["changed_copies"]["in part"]["control"]["fraction"] < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "mnist"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fresh_digits_are_copies_no_more_often_than_held_out_ones(name, seed):
    """Splits of real data: the verdict is never that of copying, and every rule finds as few as in the held-out set."""
    events = getattr(data, name)().events
    order = np.random.default_rng(seed).permutation(len(events))
    train, test, fresh = (events[part] for part in np.split(order, (len(order) // 2, 3 * len(order) // 4)))
    found = diffmem.audit(fresh, train, test, flips=name == "digits", seed=seed)
    assert found.verdict == "no excess"
    for rule in found.document["rules"].values():
        assert rule["excess"]["interval"][0] <= 0
    for changed in found.document["changed_copies"].values():
        assert changed["count"] <= changed["control"]["count"] + 1
