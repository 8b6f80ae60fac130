"""The documentation site: it builds without a warning, its links lead somewhere, and its hand-written page runs."""

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sources import interface, notebooks
from sources.page import code, plain
from sources.papers import first_change

from diffmem import papers
from diffmem.papers.settings import changed

ROOT = Path(__file__).parents[1]
DOCS = ROOT / ".docs"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (DOCS / "pages" / "pytorch.md").read_text(encoding="utf-8"), re.M | re.S)
NEEDED = "mkdocs", "material", "mkdocstrings_handlers", "latex2mathml"


class Page(HTMLParser):
    """The links of a page, what it loads, and the anchors that it has."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.loaded, self.anchors = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        self.loaded |= {given["src"]} if given.get("src") else set()
        if tag == "link" and given.get("rel") in ("stylesheet", "preconnect", "preload"):
            self.loaded.add(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages of the built site, by path."""
    if not all(importlib.util.find_spec(name) for name in NEEDED):
        pytest.skip('The site is built where its tools are installed: python -m pip install ".[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", DOCS / "mkdocs.yml", "-d", folder]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    run = subprocess.run(command, capture_output=True, text=True, env=paths)
    assert run.returncode == 0, run.stderr
    return {path.relative_to(folder): Page(path) for path in folder.rglob("*.html")}, folder


@pytest.mark.slow
def test_the_site_has_a_page_for_everything(site):
    pages, _ = site
    names = {path.as_posix() for path in pages}
    assert {"index.html", "gallery.html", "commands.html", "PAPERS.html", "diffmem/index.html", "pytorch.html"} <= names
    assert {f"papers/{slug}.html" for slug in papers.slugs()} <= names
    assert {f"notebooks/{file.stem}.html" for file in notebooks.files()} <= names
    homes = {
        interface.home_of(package, name) for package in interface.packages() for name in interface.offered(package)
    }
    described = {home: interface.owner_of(home) for home in homes if home not in interface.packages()}
    missing = [
        home
        for home, owner in described.items()
        if owner and home not in pages[Path(f"interface/{owner}.html")].anchors
    ]
    assert not missing


@pytest.mark.slow
def test_every_link_inside_the_site_leads_somewhere(site):
    pages, folder = site
    dead = []
    for path, page in pages.items():
        for link in (page.links | page.loaded) if path.name != "404.html" else ():
            scheme, host, target, _, anchor = urlsplit(link)
            if scheme or host:
                continue
            found = (folder / path.parent / unquote(target)).resolve() if target else folder / path
            there = pages.get(found.relative_to(folder.resolve())) if found.suffix == ".html" else None
            if not found.exists() or (there and anchor and unquote(anchor) not in there.anchors | {"__comments"}):
                dead.append(f"{path}: {link}")
    assert not dead


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site):
    elsewhere = {link for page in site[0].values() for link in page.loaded if urlsplit(link).netloc}
    assert not elsewhere


@pytest.mark.slow
def test_the_page_on_pytorch_runs(tmp_path):
    import jax
    import numpy as np

    torch = pytest.importorskip("torch")
    threads, names = torch.get_num_threads(), {}
    flags = {"jax_numpy_dtype_promotion": "standard", "jax_numpy_rank_promotion": "allow"}  # those of a user
    before = {flag: getattr(jax.config, flag) for flag in flags}
    try:
        torch.set_num_threads(1)
        for flag, value in flags.items():
            jax.config.update(flag, value)
        with contextlib.chdir(tmp_path):
            for block in BLOCKS:
                exec(compile(block, "pytorch.md", "exec"), names)
    finally:
        torch.set_num_threads(threads)
        for flag, value in before.items():
            jax.config.update(flag, value)
    # the wrapped network is the network
    level, x = names["process"].level(31.0), np.linspace(-1, 1, 64)
    with torch.no_grad():
        told = names["network"](torch.from_numpy(x[None].astype(np.float32)), torch.tensor([30]))[0]
    np.testing.assert_allclose(names["learned"].noise(x, level), told, rtol=1e-5, atol=1e-5)
    assert names["copied"]["exact optimum"].fraction == 1
    assert names["copied"]["network"].fraction > 0.3
    assert names["course"].summary()
    assert 1 < names["t_c"] < 200


@pytest.mark.slow
@pytest.mark.parametrize("slug", papers.slugs())
def test_the_change_that_a_page_shows_can_be_typed(slug):
    name, value = first_change(slug)
    paper = papers.paper(slug)
    settings = changed(paper.settings_at("full"), [f"{name}={value}"], slug)
    assert getattr(settings, name) == getattr(paper.settings_at("smoke"), name)
    assert getattr(settings, name) != getattr(paper.settings_at("full"), name)


def test_a_function_is_found_behind_the_module_of_its_name():
    assert interface.home_of("diffmem.metrics", "memorization") == "diffmem.metrics.memorization.memorization"
    assert interface.home_of("diffmem.metrics", "nearest") == "diffmem.metrics.neighbours.nearest.nearest"
    assert interface.home_of("diffmem.metrics", "detection") == "diffmem.metrics.detection"
    assert interface.owner_of(interface.home_of("diffmem", "Posterior")) == "diffmem.reductions"


def test_prose_is_no_markdown_and_no_fence_ends_early():
    assert plain("v* is |m|^2 < <x_1,\n  y>") == r"v\* is \|m\|^2 &lt; &lt;x\_1, y>"
    assert code("````\n```", "text").splitlines()[0].startswith("`````{")


@pytest.mark.parametrize("file", notebooks.files(), ids=lambda file: file.stem)
def test_a_notebook_becomes_a_page_with_all_its_pictures(file):
    text, pictures = notebooks.page(file)
    assert text.startswith("# ") and len(pictures) == file.read_text(encoding="utf-8").count('"image/png":') > 0
    for picture in pictures:
        assert picture.content.startswith(b"\x89PNG")
        assert f"]({picture.path.removeprefix('notebooks/')})" in text
