"""Whatever a name, a description or a server message holds: in every renderer it is text and nothing else.

Real parsers judge: markdown-it for Markdown, html.parser for what it makes and for the page, expat for JUnit, and the
rules of the two CI agents for log commands.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from retrainctl.diagnostics import Diagnostic, Severity, Span
from retrainctl.render.annotations import diagnostics_azdo, diagnostics_github
from retrainctl.render.budget import PRESETS
from retrainctl.render.diagnostics_text import diagnostics_json, diagnostics_text
from retrainctl.render.escape import json_text, visible
from retrainctl.render.formats import RenderOptions, render_plan, render_receipt
from retrainctl.render.junit import diagnostics_junit
from retrainctl.render.sarif import diagnostics_sarif
from retrainctl.render.style import Style
from tests.golden.render.plans import a_hostile_plan
from tests.golden.render.receipts import a_hostile_receipt, a_receipt, a_result
from tests.property.render_documents import CANARY, PIECES, foreign, plan_documents

FULL = bool(os.environ.get("RETRAINCTL_FULL"))
# Whole documents are dear to draw; each holds dozens of foreign texts.
documents = settings(max_examples=500 if FULL else 40, deadline=None)
texts = settings(max_examples=1000 if FULL else 100, deadline=None)
_VOID = {"meta", "br", "input", "rect"}
_SGR = re.compile(r"\x1b\[[0-9;]*m")


class _Page(HTMLParser):
    """Collects what a browser would see, and fails on markup that does not close as it opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.headings = 0
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.comments: list[str] = []
        self.foreign_in: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.headings += tag in ("h1", "h2", "h3")
        self.attributes |= {name for name, _ in attrs}
        self.links.extend(value for name, value in attrs if name in ("href", "src"))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in _VOID or self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if CANARY in data:
            self.foreign_in.add(self.open[-1] if self.open else "")


def _parsed(markup: str) -> _Page:
    page = _Page()
    page.feed(markup)
    page.close()
    assert page.open == []
    return page


def _quiet(text: str) -> None:
    """Nothing in the text moves a cursor, hides or reorders text, or is a log command."""
    assert not set(text) & {"\u034f", "\ufe0f", "\u3164"}
    for line in text.split("\n"):
        assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in line), repr(line)
        assert not line.lstrip().startswith("::"), repr(line)
        assert "##vso" not in line
        assert "##[" not in line


@texts
@given(foreign)
def test_visible_text_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown
    _quiet(shown)


@documents
@given(plan_documents(), st.sampled_from([40, 80, 200]), st.booleans())
def test_text(document: Mapping[str, Any], width: int, explain: bool) -> None:
    _check_text(document, width, explain)


def _check_text(document: Mapping[str, Any], width: int, explain: bool) -> None:
    style = Style(width=width, colour=True)
    shown = render_plan(document, "text", RenderOptions(style=style, explain=explain, show_ignored=True))
    _quiet(_SGR.sub("", shown))


@pytest.mark.parametrize("around", ["{}CANARY", "CANARY {} CANARY"])
def test_every_dangerous_piece_alone_and_between(around: str) -> None:
    for piece in PIECES:
        document = a_hostile_plan(around.replace("{}", piece))
        _check_text(document, 40, explain=True)
        for budget in (None, "bitbucket", "azdo-description"):
            _check_markdown(document, budget)
        _check_html(document)
        _check_json_and_events(document)
        _check_junit(document)
        _check_sarif(document)
        _log_commands(render_plan(document, "github"), render_plan(document, "azdo"))
        _check_receipt(a_hostile_receipt(around.replace("{}", piece)), "bitbucket")


@documents
@given(plan_documents())
def test_ascii_text_holds_no_sign_of_ours_beyond_ascii(document: Mapping[str, Any]) -> None:
    plain = json.dumps(document, ensure_ascii=False).encode("ascii", "replace")
    shown = render_plan(json.loads(plain), "text", _ascii())
    assert shown.isascii()


def _ascii() -> RenderOptions:
    return RenderOptions(style=Style(unicode=False))


@documents
@given(plan_documents(), st.sampled_from([None, *PRESETS]))
def test_markdown(document: Mapping[str, Any], budget: str | None) -> None:
    _check_markdown(document, budget)


def _check_markdown(document: Mapping[str, Any], budget: str | None) -> None:
    shown = render_plan(document, "md", RenderOptions(budget=budget))
    if budget is not None:
        assert len(shown.encode()) <= PRESETS[budget].limit
        assert len(shown.encode("utf-16-le")) // 2 <= PRESETS[budget].limit
    _inert_markdown(shown)


@documents
@given(foreign, foreign, st.sampled_from(["azdo-description", "bitbucket", "gitlab"]))
def test_markdown_of_a_receipt(first: str, second: str, budget: str) -> None:
    error = {"code": first, "message": second, "hint": first, "request_id": second}
    results = [a_result(first, "failed", error=error), a_result(second, verified=first, why=second)]
    receipt = a_receipt(*results, environment=first, run=second, outcome=second, ended=first, notes=[first])
    _check_receipt(receipt, budget)


def _check_receipt(receipt: Mapping[str, Any], budget: str) -> None:
    shown = render_receipt(receipt, "md", RenderOptions(budget=budget))
    assert len(shown.encode()) <= PRESETS[budget].limit
    _inert_markdown(shown)
    for form in ("text", "events", "json"):
        _quiet(render_receipt(receipt, form))
    ElementTree.fromstring(render_receipt(receipt, "junit"))


def _inert_markdown(shown: str) -> None:
    _quiet(shown)
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    kinds, in_code = set(), False
    for block in parser.parse(shown):
        kinds.add(block.type)
        for token in block.children or ():
            kinds.add(token.type)
            if token.type == "html_inline":
                in_code = token.content == "<code>"
            assert token.type != "text" or in_code or CANARY not in token.content
    assert not kinds & {"link_open", "image", "hardbreak", "em_open", "s_open", "hr", "blockquote_open", "code_block"}
    page = _parsed(parser.render(shown))
    assert page.foreign_in <= {"code"}
    assert page.headings == 1
    assert page.links == []
    assert page.attributes <= {"class", "style"}  # of fences and table cells, made by the parser
    assert len(page.comments) == 1
    assert page.tags <= {
        "h2", "p", "code", "strong", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre",
        "ul", "li",
    }  # fmt: skip


@documents
@given(plan_documents())
def test_html(document: Mapping[str, Any]) -> None:
    _check_html(document)


def _check_html(document: Mapping[str, Any]) -> None:
    shown = render_plan(document, "html")
    page = _parsed(shown)
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "p", "code", "span", "time",
        "main",
        "section", "ul", "li", "div", "label", "input", "select", "option", "button", "details", "summary", "br", "dl",
        "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "footer", "script",
    }  # fmt: skip
    assert shown.count("<script") == (1 if document["resource_changes"] else 0)
    assert page.links == ["#changes"]
    assert page.comments == []
    assert not any(name.startswith("on") or name in ("style", "action", "formaction") for name in page.attributes)
    assert "style" not in page.foreign_in
    assert "script" not in page.foreign_in


@documents
@given(plan_documents())
def test_json_and_events(document: Mapping[str, Any]) -> None:
    _check_json_and_events(document)


def _check_json_and_events(document: Mapping[str, Any]) -> None:
    shown = render_plan(document, "json")
    _quiet(shown)
    assert json.loads(shown) == document
    events = render_plan(document, "events")
    _quiet(events)
    assert {json.loads(line)["@module"] for line in events.splitlines()} == {"retrainctl.ui"}


@given(
    st.recursive(st.none() | st.integers() | foreign, lambda v: st.lists(v) | st.dictionaries(foreign, v), max_leaves=5)
)
def test_json_keeps_every_value(value: Any) -> None:
    assert json.loads(json_text(value)) == value
    assert json.loads(json_text(value, indent=False)) == value


@documents
@given(plan_documents())
def test_junit(document: Mapping[str, Any]) -> None:
    _check_junit(document)


def _check_junit(document: Mapping[str, Any]) -> None:
    suites = ElementTree.fromstring(render_plan(document, "junit"))
    assert {element.tag for element in suites.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "skipped", "system-out",
    }  # fmt: skip
    assert len(suites.findall(".//testcase")) == int(suites.attrib["tests"])


@documents
@given(plan_documents())
def test_sarif(document: Mapping[str, Any]) -> None:
    _check_sarif(document)


def _check_sarif(document: Mapping[str, Any]) -> None:
    shown = render_plan(document, "sarif")
    _quiet(shown)
    for result in json.loads(shown)["runs"][0]["results"]:
        for location in result["locations"]:
            if "physicalLocation" in location:
                uri = location["physicalLocation"]["artifactLocation"]["uri"]
                assert re.fullmatch(r"[A-Za-z0-9%/._~-]*", uri)
                assert urlsplit(uri).scheme == ""


@documents
@given(plan_documents())
def test_log_commands(document: Mapping[str, Any]) -> None:
    _log_commands(render_plan(document, "github"), render_plan(document, "azdo"))


def _log_commands(github: str, azdo: str) -> None:
    for line in github.splitlines():
        assert re.match(r"::(error|warning|notice) [^:]*::", line), line
        _quiet(line[2:])
    for line in azdo.splitlines():
        # The agent takes what stands between the first bracket pair as command and properties.
        assert line.startswith("##vso[task.logissue type=")
        named = line[len("##vso[task.logissue ") :].partition("]")[0]
        assert named.endswith(";")
        names = [part.partition("=")[0] for part in named.split(";") if part]
        assert names[:2] == ["type", "code"]
        assert set(names) <= {"type", "code", "sourcepath", "linenumber", "columnnumber"}
        _quiet(line[2:])


@texts
@given(st.lists(st.tuples(foreign, foreign, foreign, st.integers(1, 200)), max_size=3), st.sampled_from([40, 80]))
def test_findings_about_files(drawn: list[tuple[str, str, str, int]], width: int) -> None:
    found = [
        Diagnostic(
            code="RC100",
            message=message,
            severity=Severity.ERROR if column % 2 else Severity.WARNING,
            span=Span(file, 3, column) if column % 3 else None,
            hint=hint,
            address=file,
        )
        for message, file, hint, column in drawn
    ]
    shown = diagnostics_text(found, source=lambda file, line: "\t" + file * 3, style=Style(width=width, colour=True))
    _quiet(_SGR.sub("", shown))
    _quiet(diagnostics_json(found))
    _quiet(diagnostics_sarif(found))
    assert [entry["message"] for entry in json.loads(diagnostics_json(found))] == [d.message for d in found]
    ElementTree.fromstring(diagnostics_junit(found))
    _log_commands(diagnostics_github(found), diagnostics_azdo(found))
