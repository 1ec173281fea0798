"""Our YAML reading against PyYAML's own: same data, same places, and no text that crashes it."""

from __future__ import annotations

import string
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest.document import Document
from retrainctl.manifest.scalars import Trap, plain
from retrainctl.manifest.yamlfile import read

KEYS = st.text(string.ascii_letters + " -_[]{}:#é", min_size=1, max_size=8)
TEXTS = st.text(string.ascii_letters + string.digits + " :#-_'\"{}[],é\n", max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def parsed(text: str) -> tuple[list[Document], Diagnostics]:
    found = Diagnostics()
    return read(text, "a.yaml", found), found


@given(
    documents=st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), min_size=1, max_size=3),
    flow=st.booleans(),
)
def test_what_is_written_is_read(documents: list[dict[str, Any]], flow: bool) -> None:
    text = yaml.safe_dump_all(documents, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    read_back, found = parsed(text)
    assert [one.data for one in read_back] == documents
    assert not [finding for finding in found if finding.code != "RC105"]


@given(document=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), flow=st.booleans())
def test_places_are_those_of_the_yaml_library(document: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    (one,), _ = parsed(text)
    node = yaml.compose(text)
    assert node is not None
    places = list(_places(node, ()))
    assert len(places) == len(one.marks)
    for path, key_mark, value_mark in places:
        key, value = one.span(path), one.span(path, key=False)
        assert (value.line, value.column) == (value_mark.line + 1, value_mark.column + 1)
        if key_mark is not None:
            assert (key.line, key.column) == (key_mark.line + 1, key_mark.column + 1)
    for index in range(len(one.marks)):
        assert one.path_at(index) in {path for path, _, _ in places}


def _places(node: yaml.Node, path: tuple[str | int, ...]) -> Any:
    """Path, mark of the key and mark of the value of every node; keys count as places of their own."""
    yield path, None, node.start_mark
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, key.value)
            yield below, key.start_mark, value.start_mark
            yield from _places(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield from _places(value, (*path, position))


@given(st.text(max_size=12) | st.from_regex(r"[-+]?[0-9._:eExobT-]{1,12}", fullmatch=True))
@example("1e3")
@example("0o7")
def test_where_yaml_1_1_reads_another_value_there_is_a_trap(text: str) -> None:
    """PyYAML's resolver is YAML 1.1: where it disagrees with our value, we must have called it a trap."""
    value = plain(text) if text.strip() == text else text
    if isinstance(value, Trap) or text.strip() != text:
        return
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
    expected = {"null": type(None), "bool": bool, "int": int, "float": float, "str": str}
    if tag in ("merge", "value"):
        return
    assert type(value) is expected[tag]
    if tag in ("int", "float"):
        assert yaml.safe_load(text) == value


PIECES = st.sampled_from(
    [
        *(
            "a",
            "- ",
            "\n",
            "  ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            "'",
            '"',
            "&a ",
            "*a",
            "!x ",
            "\t",
            "? ",
            "| ",
            "> ",
            "#",
            ",",
        ),
        *("---\n", "...\n", "{{", "%YAML 1.2\n", "\u2028", "\x85", "\r", "<<", " "),
    ]
)


@given(st.text(max_size=200) | st.lists(PIECES, max_size=40).map("".join))
@example("a: *b")
@example("*0")
@example("&a [*a]")
@example("{{ x }}: 1")
@example("? [a]\n: b")
@example("--- !!binary x\n...\n%YAML 9.9\n---\n")
@example('a: "\\0"\n---\na: [\n---\nb: 1')
@example("\t- a")
@example("- [\x85\u2028")
def test_no_text_crashes_the_reader(text: str) -> None:
    documents, found = parsed(text)
    lines = (
        max(text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029"), 0)
        + 2
    )
    for finding in found:
        assert finding.span is not None
        assert 1 <= finding.span.line <= lines
        assert finding.hint
    assert all(len(one.marks) > 0 for one in documents)
