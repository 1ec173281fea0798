"""The escapes themselves, one by one."""

from __future__ import annotations

import json

import pytest

from retrainctl.render.escape import (
    azdo_property,
    clip,
    github_property,
    html_code,
    json_text,
    markdown_code,
    markdown_fence,
    visible,
    xml,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Größe 名前 🎉", "Größe 名前 🎉"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b31m", "\\x9b31m"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u200bb\u2060c\ufeff", "a\\u200bb\\u2060c\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
        ("#\u034f#", "#\\u034f#"),
        ("##vso[task.x]", "\\x23#vso[task.x]"),
        ("###", "\\x23\\x23#"),
        ("::error::x", "\\x3a:error::x"),
        ("a ::error::x", "a \\x3a:error::x"),
        ("std::vector", "std::vector"),
        ("", ""),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_code_in_markdown_is_a_span_or_an_element() -> None:
    assert markdown_code("WebService/a") == "`WebService/a`"
    assert markdown_code("a`b") == "<code>a&#96;b</code>"
    assert markdown_code("a|b") == "<code>a&#124;b</code>"
    assert markdown_code("") == '`""`'
    assert html_code("www.x @t <b>") == "<code>www&#46;x &#64;t &#60;b&#62;</code>"


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert markdown_fence(["a"], "diff") == "```diff\na\n```"
    assert markdown_fence(["````", "b"]) == "`````\n````\nb\n`````"


def test_what_is_cut_is_counted() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("abcdef", 2) == "ab... (4 more characters)"


def test_json_is_that_of_a_plan_file_but_for_what_could_act() -> None:
    assert json_text({"b": "é", "a": 1}) == '{\n  "a": 1,\n  "b": "é"\n}'
    assert json_text("\u202e\x1b\x7f##[x", indent=False) == '"\\u202e\\u001b\\u007f\\u0023#[x"'
    assert json_text("\U000e0041", indent=False) == '"\\udb40\\udc41"'
    assert json.loads(json_text({"big": 2**80, "lone": "\ud800"})) == {"big": 2**80, "lone": "\ud800"}


def test_log_commands_and_xml() -> None:
    assert github_property("a:b,c%0A\n") == "a%3Ab%2Cc%250A\\n"
    assert azdo_property("a;b]c%25") == "a%3Bb%5Dc%AZP2525"
    assert xml("<a b='\"&\x00'>") == "&lt;a b=&#x27;&quot;&amp;\\x00&#x27;&gt;"
