"""Plain scalars: YAML 1.2 values, and traps where YAML 1.1 disagrees."""

from __future__ import annotations

import pytest

from retrainctl.manifest.scalars import DATE, Trap, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("census", "census"),
        ("census@7", "census@7"),
        ("30%", "30%"),
        ("2m", "2m"),
        ("1.2.3", "1.2.3"),
        ("RetrainSamplePre.2016.8.17.0.3.51.237", "RetrainSamplePre.2016.8.17.0.3.51.237"),
        ("0000-abc", "0000-abc"),
        ("9f2c00", "9f2c00"),
        ("y", "y"),
        ("-", "-"),
    ],
)
def test_a_plain_scalar_has_its_value(text: str, value: object) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("on", "On", "OFF", "yes", "No", "012", "00", "08", "-01", "1e3", "1.5e3", "12E4", "0o17", "0b101"),
        *("1:30", "190:20:30.15", "2026-11-02", "2026-11-02T08:00:00Z", "2026-1-2 8:00:00", "1_000", "0x1_F", "1_0.5"),
        *(".inf", "-.INF", ".nan", "123456789012345678901234567890", "1.0e+999"),
        "00000000000000000000000000000001",
    ],
)
def test_what_readers_take_differently_is_a_trap(text: str) -> None:
    trap = plain(text)
    assert isinstance(trap, Trap)
    assert trap.text == text
    assert trap.why


def test_only_dates_are_marked_as_dates() -> None:
    kinds = {text: getattr(plain(text), "kind", None) for text in ("2026-11-02", "2026-11-02T08:00:00Z", "1e3", "no")}
    assert kinds == {"2026-11-02": DATE, "2026-11-02T08:00:00Z": DATE, "1e3": "", "no": ""}
