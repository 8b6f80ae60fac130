"""A page for each paper: its setting, its figure, what it claims beside what was measured, and how to change it."""

import ast
from pathlib import Path

from diffmem.papers import Claim, Paper, paper, slugs
from diffmem.papers.report import claim_rows, records_in

from .page import ROOT, Pages, code, figure, plain, table

RUNS = ROOT / "notebooks" / "papers"
INDEX, ALL = "papers/README.md", "PAPERS.md"
SOURCES = {
    "printed": "printed in",
    "read from figure": "read from a figure of",
    "derived": "derived from",
    "analogue": "an analogue of",
}

WORDS = """# Papers

Each is computed again, and its claims are checked, with intervals that were fixed before any run; here is
[every claim in one table](../PAPERS.md), with rankings of detectors and mitigations. A claim counts once for each seed.

"""
PAGE = """---
hide: [toc]
---

# {title}

[arXiv:{arxiv}](https://arxiv.org/abs/{arxiv}), here `{slug}`.

## Setting

{setting}

{figure}

## Claims

Each interval was fixed before any run. Measured: one number for each of the seeds {seeds}; a number outside its
interval is in bold.

{claims}
## Change it

The command computes the paper again, checks its claims and draws the figure:

{run}
`--set` changes a setting (claims, which are about the unchanged experiment, are then not judged), and so does Python:

{changed}
{python}
The settings with their meanings, and the values of the two scales:

::: diffmem.papers.{slug}.experiment
    options:
      members: [Settings, FULL, SMOKE]
      heading_level: 3
      show_if_no_docstring: true
      show_root_heading: false
      show_root_toc_entry: false
      show_source: false
"""


def add(pages: Pages) -> None:
    """All papers, their figures and their index."""
    records = records_in(sorted(path for path in RUNS.iterdir() if path.is_dir()))
    rows = []
    for slug in slugs():
        own = [record for record in records if record["slug"] == slug]
        pages.content[f"papers/{slug}.md"] = page(paper(slug), own)
        pages.content[f"papers/{slug}.png"] = figure_of(slug).read_bytes()
        lines = [line for record in own for line in record["claims"]]
        met = sum(line["met"] for line in lines)
        rows.append([f"[{slug}]({slug}.md)", plain(paper(slug).title), f"{met} of {len(lines)}"])
    pages.content[INDEX] = WORDS + table(["paper", "title", "checks met"], rows)


def figure_of(slug: str) -> Path:
    """The figure that was kept of a paper, of the first run that has one."""
    return sorted(RUNS.glob(f"*/{slug}/figure.png"))[0]


def page(about: Paper, records: list) -> str:
    """The page of one paper, from its claims.toml and the measurements that are kept in the repository."""
    name, value = first_change(about.slug)
    python = (
        f"import jax\nfrom diffmem.papers import {about.slug}\n\n"
        f"settings = {about.slug}.FULL._replace({name}={value})\n"
        f"results = {about.slug}.experiment(settings, jax.random.key(0))\n"
        f'{about.slug}.figure(results).savefig("{about.slug}.png")'
    )
    sources = {claim.key: origin(claim) for claim in about.claims}
    rows = [
        [
            f"`{row.key}`: {plain(row.statement)} *({plain(sources[row.key])})*",
            row.expected,
            row.accepted,
            row.measured,
            row.verdict,
        ]
        for row in claim_rows(records)
    ]
    return PAGE.format(
        title=plain(about.title),
        arxiv=about.arxiv,
        slug=about.slug,
        setting=plain(about.setting),
        figure=figure(f"Figure of {about.slug}: {about.title}", f"{about.slug}.png"),
        seeds=", ".join(str(record["seed"]) for record in records),
        claims=table(["claim", "expected", "accepted", "measured", ""], rows),
        run=code(f"diffmem papers run {about.slug}", "bash"),
        changed=code(f"diffmem papers run {about.slug} --set {name}={shell(value)} --out changed", "bash"),
        python=code(python, "python"),
    )


def origin(claim: Claim) -> str:
    """Where an expected number comes from, in words."""
    return claim.source if claim.source.startswith("derived:") else f"{SOURCES[claim.kind]} {claim.source}"


def first_change(slug: str) -> tuple[str, str]:
    """A setting in which the two scales of a paper differ, and its value at smoke scale, read without running it."""
    tree = ast.parse((ROOT / "diffmem" / "papers" / slug / "experiment.py").read_text(encoding="utf-8"))
    assigned = dict(pair for node in tree.body if isinstance(node, ast.Assign) for pair in assignments(node))
    smoke = assigned["SMOKE"]
    assert isinstance(smoke, ast.Call)
    for keyword in smoke.keywords:
        value = Constants(assigned).visit(keyword.value)
        if keyword.arg and not any(isinstance(part, (ast.Name, ast.Call, ast.Subscript)) for part in ast.walk(value)):
            return keyword.arg, ast.unparse(value)
    raise ValueError(f"{slug}: SMOKE must change a setting to a value that can be typed, but does not.")


def assignments(node: ast.Assign) -> list[tuple[str, ast.expr]]:
    """The names on the left with their values, also of `a, b = 1, 2`."""
    (target,), value = node.targets, node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [(ast.unparse(name), one) for name, one in zip(target.elts, value.elts)]
    return [(ast.unparse(target), value)]


class Constants(ast.NodeTransformer):
    """Names of a module replaced by what is assigned to them."""

    def __init__(self, assigned: dict[str, ast.expr]):
        self.assigned = assigned

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The value of a name, or the name where it is unknown."""
        return self.assigned.get(node.id, node)


def shell(value: str) -> str:
    """A value as the shell takes it."""
    return f"'{value}'" if set(value) & set("(), '") else value


def navigation() -> list:
    """The index, all claims in one table, and each paper."""
    return [INDEX, {"All claims": ALL}, *({slug: f"papers/{slug}.md"} for slug in slugs())]
