"""The HTML report in a real browser: no error, filtered by typing, accessible; and the graph drawn by Mermaid.

Chromium is started without a driver: a copy of the page carries the script that acts and checks, and writes what it
found into the document. axe-core and Mermaid come by npm, once, into a folder beside the temporary ones.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest

from retrainctl.render.formats import render_plan
from retrainctl.render.graph import graph_mermaid, graph_svg
from tests.golden.render.plans import plans

PLANS = plans()

PACKAGES = {"axe-core": "4.10.3", "mermaid": "11.4.1"}
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


def cannot(why: str) -> None:
    warnings.warn(pytest.PytestWarning(f"the report was NOT looked at in a browser: {why}"), stacklevel=2)
    pytest.skip(why)


@pytest.fixture(scope="module")
def chromium() -> str:
    if CHROMIUM is None:
        cannot("there is no Chromium")
    assert CHROMIUM is not None
    return CHROMIUM


@pytest.fixture(scope="module")
def node_modules() -> Path:
    npm = shutil.which("npm")
    if npm is None:
        cannot("there is no npm for axe-core and Mermaid")
    assert npm is not None
    folder = Path(tempfile.gettempdir()) / f"retrainctl-node-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    if not (folder / "node_modules/mermaid/dist/mermaid.min.js").exists():
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        done = subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode:
            cannot(f"npm could not get axe-core and Mermaid: {done.stderr[-200:]}")
    return folder / "node_modules"


def browse(chromium: str, page: Path) -> tuple[str, list[str]]:
    """The document after its scripts ran, and what was written to the console."""
    with tempfile.TemporaryDirectory(prefix="retrainctl-chromium-") as profile:
        done = subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                f"--user-data-dir={profile}",
                "--virtual-time-budget=20000",
                "--enable-logging=stderr",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def with_script(text: str, *scripts: str) -> str:
    """A copy of the page that may run our scripts: its own policy, which forbids them, is tested on the original."""
    text, number = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert number == 1
    return text.replace("</body>", "".join(f"<script>{script}</script>" for script in scripts) + "</body>")


def found(document: str) -> Any:
    match = re.search(r'<pre id="found">(.*?)</pre>', document, re.DOTALL)
    assert match is not None, "the script of the test did not end"
    return json.loads(html.unescape(match[1]))


WRITE = """
function tell(value) {
  var place = document.createElement("pre"); place.id = "found";
  place.textContent = JSON.stringify(value); document.body.appendChild(place);
}
"""
TYPE = (
    WRITE
    + """
var search = document.getElementById("search"), all = document.querySelectorAll("details.change");
search.value = WANTED; search.dispatchEvent(new Event("input"));
setTimeout(function () {
  tell({all: all.length, left: Array.prototype.filter.call(all, function (c) { return !c.hidden; }).length,
        said: document.getElementById("shown").textContent});
}, 500);
"""
)
AXE = (
    WRITE
    + """
axe.run(document, {resultTypes: ["violations"]}).then(function (result) {
  tell(result.violations.filter(function (v) { return v.impact === "serious" || v.impact === "critical"; })
    .map(function (v) { return v.id + ": " + v.nodes.map(function (n) { return n.html; }).slice(0, 3).join(" "); }));
});
"""
)


@pytest.mark.parametrize("name", ["hostile", "many-risks", "thousand-moves", "empty"])
def test_the_report_opens_without_a_word_on_the_console(chromium: str, tmp_path: Path, name: str) -> None:
    page = tmp_path / "r.html"
    page.write_text(render_plan(PLANS[name], "html"))
    document, console = browse(chromium, page)
    assert console == []
    assert "<h1>" in document


def test_typing_filters_the_changes(chromium: str, tmp_path: Path) -> None:
    plan = PLANS["thousand-moves"]
    wanted = plan["resource_changes"][41]["address"]
    page = tmp_path / "r.html"
    page.write_text(with_script(render_plan(plan, "html"), TYPE.replace("WANTED", json.dumps(wanted))))
    document, console = browse(chromium, page)
    assert console == []
    assert found(document) == {"all": 1000, "left": 1, "said": "1 of 1000 changes shown"}


@pytest.mark.parametrize("name", ["hostile", "many-risks", "blocked", "one-move", "empty"])
def test_axe_finds_no_serious_violation(chromium: str, node_modules: Path, tmp_path: Path, name: str) -> None:
    page = tmp_path / "r.html"
    axe = (node_modules / "axe-core/axe.min.js").read_text()
    page.write_text(with_script(render_plan(PLANS[name], "html"), axe, AXE))
    document, _ = browse(chromium, page)
    assert found(document) == []


def graph() -> dict[str, Any]:
    names = ['a"]; click n0 call(x)', "##vso[x]y", "<b>bold</b> `code` | #35;", "end", "%%{init: {}}%%", "名🎉 é"]
    nodes = [
        {"id": name, "rank": at, "kind": "Model", "label": name, "status": "danger", "detail": "", "number": 1}
        for at, name in enumerate(names)
    ]
    edges = [{"source": names[at], "target": names[at + 1], "label": names[at], "status": "new"} for at in range(5)]
    return {"title": "prod", "nodes": nodes, "edges": edges}


def test_mermaid_draws_every_name_as_it_is(chromium: str, node_modules: Path, tmp_path: Path) -> None:
    mermaid = (node_modules / "mermaid/dist/mermaid.min.js").read_text().replace("</script", "<\\/script")
    draw = (
        WRITE
        + """
    mermaid.initialize({startOnLoad: false, securityLevel: "strict", flowchart: {htmlLabels: true}});
    mermaid.render("g", SOURCE).then(function (drawn) {
      var box = document.createElement("div"); box.innerHTML = drawn.svg; document.body.appendChild(box);
      var nodes = box.querySelectorAll("g.node").length, links = box.querySelectorAll("a").length;
      tell({nodes: nodes, text: box.textContent, links: links});
    }, function (error) { tell({error: String(error)}); });
    """.replace("SOURCE", json.dumps(graph_mermaid(graph())).replace("</", "<\\/"))
    )
    page = tmp_path / "m.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><body><script>{mermaid}</script><script>{draw}</script></body>"
    )
    document, _ = browse(chromium, page)
    drawn = found(document)
    assert drawn.get("nodes") == 6, drawn
    assert drawn["links"] == 0
    for shown in ('a"]; click n0 call(x)', "<b>bold</b> `code` | #35;", "%%{init: {}}%%", "名🎉 é"):
        assert shown in drawn["text"]


def test_the_svg_opens_without_a_word(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "g.svg"
    page.write_text(graph_svg(graph()))
    _, console = browse(chromium, page)
    assert console == []
