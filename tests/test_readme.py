"""The README's Python runs as printed, from top to bottom in one session (slow), and its names exist."""

import contextlib
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.M | re.S)
ROWS = re.findall(r"^\| `\w+`.*$", README, flags=re.M)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The names that the blocks leave behind, executed in order; the strict flags of the suite are not a user's."""
    import jax

    names = {}
    flags = {"jax_numpy_dtype_promotion": "standard", "jax_numpy_rank_promotion": "allow"}
    before = {flag: getattr(jax.config, flag) for flag in flags}
    try:
        for flag, value in flags.items():
            jax.config.update(flag, value)
        with contextlib.chdir(tmp_path_factory.mktemp("readme")):
            for block in BLOCKS:
                exec(compile(block, "README.md", "exec"), names)
    finally:
        for flag, value in before.items():
            jax.config.update(flag, value)
    return names


@pytest.mark.slow
def test_the_study_copies_and_the_score_of_three_lines_does_not(session):
    assert session["copied"].fraction == 1
    drawn = session["metrics"].memorization(session["out"].points, session["train"])
    assert drawn.fraction == 0


@pytest.mark.slow
def test_the_split_points_give_the_same_posterior(session):
    level, x = session["process"].level(0.5), session["train"][0]
    found, whole = (session[name].posterior(x, level) for name in ("split", "score"))
    assert session["split"].n == 512 and found.leader == whole.leader
    np.testing.assert_allclose(found.mean, whole.mean, atol=1e-5)


@pytest.mark.slow
def test_the_figure_shows_participation_from_n_to_one_and_the_predicted_time(session):
    (axes,) = session["figure"].axes
    median = np.asarray(axes.get_lines()[0].get_ydata())
    assert median[0] == pytest.approx(512, rel=1e-3)
    assert median[-1] == pytest.approx(1, rel=1e-3)
    marks = [line.get_xdata()[0] for line in axes.get_lines() if len(set(line.get_xdata())) == 1]
    assert session["t_c"] in marks


@pytest.mark.slow
def test_the_sweep_has_a_number_for_every_cell(session):
    found = session["found"]
    assert dict(found.value.sizes) == {"steps": 2, "seed": 2}
    assert (found.error == "").all()
    assert ((found.value >= 0) & (found.value <= 1)).all()


@pytest.mark.parametrize("row", ROWS)
def test_every_name_of_the_table_is_public(row):
    packages, names = row.strip("|").split("|", 1)
    modules = [importlib.import_module(f"diffmem.{name}") for name in re.findall(r"`(\w+)`", packages)]
    for name in re.findall(r"`(\w+)`", names):
        assert any(hasattr(module, name) for module in modules), name
    assert modules


def test_the_readme_holds_what_is_tested_here():
    assert len(BLOCKS) >= 2
    assert len(ROWS) >= 8
    assert "<!-- test command -->" in README


def test_the_table_of_papers_is_what_was_measured():
    """Made from the measurements that are kept in the repository, whose claims are those of the papers as they are."""
    from diffmem import papers
    from diffmem.papers.record import is_current
    from diffmem.papers.report import records_in, replaced

    kept, table = (
        records_in(sorted(path for path in (ROOT / "notebooks" / "papers").iterdir() if path.is_dir())),
        (ROOT / "PAPERS.md").read_text(),
    )
    assert replaced(table, kept) == table
    assert {record["slug"] for record in kept} == set(papers.slugs())
    for record in kept:
        assert is_current(record, papers.paper(record["slug"]), "full", record["seed"])


@pytest.mark.slow
def test_the_network_learns_its_sixteen_points_and_not_the_others(session):
    course = session["course"]
    assert course.train_loss[-1] < 0.8 * course.train_loss[0]
    assert course.held_out_loss[-1] > 1.2 * course.train_loss[-1]
    assert course.copied.shape == course.step.shape
