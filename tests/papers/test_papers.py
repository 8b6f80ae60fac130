"""Every paper, at smoke scale: complete records, claims that can fail, a figure."""

import math

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

from diffmem import papers

PAPERS = [papers.paper(slug) for slug in papers.slugs()]
KINDS = {"printed", "read from figure", "derived", "analogue"}
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
    return paper, paper.run("smoke", jax.random.key(0))


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
    figure = paper.draw(results._replace(measured={}))
    assert isinstance(figure, Figure) and figure.axes
    for axes in figure.axes:
        assert axes.get_xlabel() or axes.get_title() or not axes.axison


def test_curves_are_finite_somewhere_and_carry_units(run):
    _, results = run
    assert results.curves.data_vars
    for name, variable in results.curves.data_vars.items():
        assert variable.attrs.get("units") is not None, name
        assert np.isfinite(variable.values.astype(float)).any(), name


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.slug)
def test_claims_are_fixed_and_can_fail(paper):
    assert paper.slug in papers.slugs() and paper is papers.paper(paper.slug)
    assert len({claim.key for claim in paper.claims}) == len(paper.claims)
    assert paper.title and paper.arxiv and len(paper.setting) > 100
    for claim in paper.claims:
        assert claim.low <= claim.high and math.isfinite(claim.expected)
        assert math.isfinite(claim.low) or math.isfinite(claim.high)
        assert claim.kind in KINDS and claim.scales and set(claim.scales) <= set(papers.SCALES)
        assert claim.source.startswith(("arXiv:", "derived: "))
        assert claim.statement.endswith(".") and "|" not in claim.statement


def test_an_unknown_paper_is_named_in_one_sentence():
    with pytest.raises(ValueError, match=r"`SLUG` must be one of .*, but is 'nobody1999'"):
        papers.paper("nobody1999")
