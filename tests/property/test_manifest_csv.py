"""The quick way to read a CSV file gives what the careful one gives, or leaves the file to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest import csvfile

_CELLS = st.text(alphabet='ab,; "\x0b\x85\u2028\ufeff\r', max_size=6)
_LINES = st.lists(st.lists(_CELLS, min_size=1, max_size=3).map(",".join), max_size=6)
_ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


@given(lines=_LINES, end=_ENDS, last=st.booleans())
def test_both_ways_agree(lines: list[str], end: str, last: bool) -> None:
    text = end.join(lines) + (end if last else "")
    quick = csvfile._plain(text, "a.csv")
    if quick is not None:
        found = Diagnostics()
        careful = csvfile._careful(text, "a.csv", found)
        assert not found
        assert careful == quick


def test_what_only_the_careful_way_can_tell() -> None:
    assert csvfile._plain('a,b\n1,"2"\n', "a.csv") is None
    assert csvfile._plain("a,b\n1\n", "a.csv") is None
    assert csvfile._plain("a\n\nb\n", "a.csv") is None
    assert csvfile._plain("a\n" + "b" * 140_000 + "\n", "a.csv") is None
    assert csvfile._plain("a,b\r\n1,2\r\n", "a.csv") is not None
