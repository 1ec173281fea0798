"""Widths, wrapping, words."""

from __future__ import annotations

from retrainctl.render.style import Style, cells, count, pad, shorten, wrapped


def test_cells_are_what_a_terminal_takes() -> None:
    assert cells("abc") == 3
    assert cells("名前") == 4
    assert cells("e\u0301") == 1


def test_shorten_marks_the_cut_in_either_alphabet() -> None:
    assert shorten("abcdef", 4, Style()) == "abc…"
    assert shorten("abcdef", 4, Style(unicode=False)) == "a..."
    assert shorten("名前名前", 5, Style()) == "名前…"
    assert shorten("abc", 3, Style()) == "abc"
    assert shorten("abc", 0, Style()) == ""


def test_prose_wraps_at_blanks_only() -> None:
    uri = "https://acct.blob.core.windows.net/" + "x" * 60
    assert wrapped(f"see {uri} for more", Style(width=40), first="- ") == ["- see", f"  {uri}", "  for more"]
    assert wrapped("short", Style(), first="help: ") == ["help: short"]


def test_colour_repeats_what_words_say() -> None:
    assert Style().paint("delete", "delete") == "delete"
    assert Style(colour=True).paint("delete", "delete") == "\x1b[31mdelete\x1b[0m"
    assert Style(colour=True).paint("other", "x") == "x"


def test_counting() -> None:
    assert count(1, "change") == "1 change"
    assert count(1000, "change") == "1,000 changes"
    assert pad("a", 3) == "a  "
