"""Every text stands in a script as exactly that text, in plain ASCII on one line."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from retrainctl.render.powershell_text import comment, quoted

TOKEN = re.compile(r"'((?:[^']|'')*)'|\[char\]0x([0-9A-F]{4})|\[char\]::ConvertFromUtf32\(0x([0-9A-F]+)\)| \+ |[()]")
TEXTS = st.text(st.characters(exclude_categories=())) | st.text("'\"`$#\n\r;()\u2018\u2019{}%", max_size=20)


@given(TEXTS)
def test_what_is_written_is_what_is_read(text: str) -> None:
    written = quoted(text)
    assert written.isascii()
    assert written.isprintable()
    assert "##" not in written
    at, read = 0, ""
    while at < len(written):
        match = TOKEN.match(written, at)
        assert match is not None, written[at:]
        read += (match[1] or "").replace("''", "'") if match[1] is not None else ""
        read += chr(int(match[2] or match[3], 16)) if match[2] or match[3] else ""
        at = match.end()
    assert read == text


@given(TEXTS)
def test_a_comment_stays_on_its_line(text: str) -> None:
    written = comment(text)
    assert written.isascii()
    assert not re.search(r"[\x00-\x1f\x7f]", written)
