"""Large files take another way through the parser; they read, and are refused, alike."""

from __future__ import annotations

import pytest

from retrainctl.definition import parsing
from retrainctl.errors import InvalidInput

TEXTS = [
    '{"a": [1, 2.5, -3e2, null, true, "x\\u00e9\\ud83d\\ude00"], "b": {"c": "d"}}',
    "[]",
    '"00000000000000000000000000000001"',
    '{"n": 123456789012345678901234567890, "m": -98765432109876543210}',
]
BROKEN = ["", "{", '{"a": 1,}', "[NaN]", "[1] 2", "{'a': 1}", "[" * 100_000]


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_value(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = parsing.parse(text, file="a.json")
    monkeypatch.setattr(parsing, "_LARGE", -1)
    assert parsing.parse(text, file="a.json") == small
    assert parsing.parse(text.encode("utf-16"), file="a.json") == small


@pytest.mark.parametrize("text", BROKEN)
def test_the_same_refusal(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput) as small:
        parsing.parse(text, file="a.json")
    monkeypatch.setattr(parsing, "_LARGE", -1)
    with pytest.raises(InvalidInput) as large:
        parsing.parse(text, file="a.json")
    assert large.value.diagnostics == small.value.diagnostics


def test_long_numbers_keep_every_digit() -> None:
    assert parsing.parse('{"n": 123456789012345678901234567890}', file="a.json")["n"] == 123456789012345678901234567890
    assert parsing.parse("12345678901234567890123", file="a.json") == 12345678901234567890123
