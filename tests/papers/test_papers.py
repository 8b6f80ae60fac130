"""Every paper, at smoke scale: complete records, claims that can fail, a figure."""

import doctest
import math
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

from diffmem import papers
from diffmem.papers.record import described

PAPERS = [papers.paper(slug) for slug in papers.slugs()]
KINDS = {"printed", "read from figure", "derived", "analogue"}
# words that send a reader to another sentence
DANGLING = re.compile(
    r"\b([Tt]he same( as| of|$|,)|[Tt]hat (ratio|difference|noise)|its standard error|claim_|_margin)\b"
)
# claims that do not come out, with the reason in the setting of their paper
MISSED: set[tuple[str, str]] = set()


# some ten seconds each: one of them by default, all in the slow suite
DEFAULT = {"raya2023"}
RUNS = [
    pytest.param(paper, id=paper.slug, marks=[pytest.mark.slow] * (paper.slug not in DEFAULT))
    for paper in PAPERS
    if paper.claims_at("smoke")
]


@pytest.fixture(scope="module", params=RUNS)
def run(request):
    paper = request.param
    return paper, paper.load().experiment(paper.settings_at("smoke"), jax.random.key(0))


def test_claims_are_measured_and_met(run):
    paper, results = run
    claims = paper.claims_at("smoke")
    assert set(results.measured) == {claim.key for claim in claims}
    verdicts = {claim.key: claim.met(float(results.measured[claim.key].value)) for claim in claims}
    expected = {claim.key: (paper.slug, claim.key) not in MISSED for claim in claims}
    assert verdicts == expected, {key: results.measured[key] for key in verdicts}


def test_the_figure_is_drawn_from_the_curves_alone(run):
    paper, results = run
    # what a reader has later is the file, so the drawing may use nothing else
    figure = paper.load().figure(results._replace(measured={}))
    assert isinstance(figure, Figure) and figure.axes
    for axes in figure.axes:
        assert axes.get_xlabel() or axes.get_title() or not axes.axison


def test_curves_are_finite_somewhere_and_described(run):
    paper, results = run
    curves = described(paper, results.curves)
    assert curves.data_vars
    for name, variable in curves.variables.items():
        assert variable.attrs["long_name"] == paper.variables[name].long_name
    for name, variable in curves.data_vars.items():
        assert np.isfinite(variable.values.astype(float)).any(), name


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.slug)
def test_claims_are_fixed_and_can_fail(paper):
    assert paper.slug in papers.slugs()
    assert len({claim.key for claim in paper.claims}) == len(paper.claims)
    assert paper.title and paper.arxiv and len(paper.setting) > 100
    for claim in paper.claims:
        assert claim.low <= claim.high and math.isfinite(claim.expected)
        assert math.isfinite(claim.low) or math.isfinite(claim.high)
        assert claim.kind in KINDS and claim.scales and set(claim.scales) <= set(papers.SCALES)
        assert claim.source.startswith(("arXiv:", "derived: "))
        assert claim.statement.endswith(".") and "|" not in claim.statement
        assert claim.statement[0].isupper() and not DANGLING.search(claim.statement), claim.statement
    assert paper.variables
    for name, variable in paper.variables.items():
        assert variable.long_name and not DANGLING.search(variable.long_name), name


@pytest.mark.slow
def test_an_experiment_is_changed_as_the_docstring_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(papers, raise_on_error=True).attempted >= 5
    assert (tmp_path / "wider_clusters.png").stat().st_size > 1000


def test_an_unknown_paper_is_named_in_one_sentence():
    with pytest.raises(ValueError, match=r"`SLUG` must be one of .*, but is 'nobody1999'"):
        papers.paper("nobody1999")


def test_a_paper_is_an_attribute_of_the_package():
    assert papers.biroli2024.FULL._replace(n=500).n == 500
    assert set(papers.slugs()) <= set(dir(papers))
    with pytest.raises(AttributeError, match="nobody1999"):
        papers.nobody1999


def test_the_list_needs_no_numerics():
    code = (
        "import sys\nfrom diffmem.cli import main\n"
        "try:\n    main(['papers', 'list'])\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(slug in out for slug in papers.slugs())
    loaded = {name.split(".")[0] for name in out.splitlines()[-1].split()}
    assert not loaded & {"jax", "numpy", "xarray", "matplotlib"}
