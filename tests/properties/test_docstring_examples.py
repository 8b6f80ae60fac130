"""The examples in docstrings run and print what they say."""

import doctest

import pytest

from diffmem import audit, integrators, metrics, reductions, scores, theory

DOCUMENTED = (
    audit,
    integrators.sample,
    metrics.memorization,
    reductions.Dense,
    scores.Empirical,
    theory.collapse_ratio,
)


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda documented: documented.__name__)
def test_the_example_runs(documented):
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(documented, documented.__name__, module=False, globs={})
    assert 0 < len(example.examples) <= 6
    report = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(example, out=report.append)
    assert not report, "".join(report)
