"""Links resolve, and the site builds without a warning and without anything from elsewhere."""

from __future__ import annotations

import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.doc_pages import REPO, blocks, pages, prose

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#+\s+(.*?)(?:\s*\{#([\w-]+)\})?\s*$", re.MULTILINE)


@lru_cache(maxsize=256)
def _anchors(page: Path) -> frozenset[str]:
    found: set[str] = set()
    for title, own in _HEADING.findall(prose(page)):
        plain = re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", html.unescape(title))).strip().lower()
        found.add(own or re.sub(r"[\s]+", "-", plain))
    return frozenset(found)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPO)))
def test_local_links_resolve(page: Path) -> None:
    broken = []
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken, f"{page.relative_to(REPO)}: {broken}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPO)))
def test_no_page_names_a_place_on_our_machines(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"/(?:work|home|root|tmp)/\w", text)
    assert all(block.text.strip() for block in blocks(page)), "an empty block"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Skips loudly where MkDocs is not installed; fails in CI."""
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        reason = "MkDocs is not installed (pip install 'retrainctl[docs]'): the site was NOT built"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("site")
    shutil.rmtree(folder)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", "docs/mkdocs.yml", "-d", str(folder)],
        cwd=REPO,
        # Not --quiet: what is not logged is not counted, and --strict sees nothing.
        # Neither MkDocs' nor the theme's notices about their future are about our pages.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_builds_strictly_and_has_every_page(site: Path) -> None:
    for page in (REPO / "docs" / "site").rglob("*.md"):
        assert (site / page.relative_to(REPO / "docs/site").with_suffix(".html")).is_file(), page
    for name in ("architecture.html", "changelog.html", "contributing.html", "decisions/0004-ledger.html"):
        assert (site / name).is_file(), name
    assert (site / "schemas" / "plan.schema.json").is_file()
    assert (site / "reference" / "errors.html").read_text(encoding="utf-8").count('id="rc') > 200


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?(https?:)?//([^\"\s>]+)")
    foreign = {
        (page.name, match[2])
        for page in site.rglob("*.html")
        for match in loaded.finditer(page.read_text(encoding="utf-8"))
        if 'rel="canonical"' not in match[0]
    }
    assert not foreign
