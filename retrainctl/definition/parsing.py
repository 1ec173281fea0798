"""Bytes to JSON values: fast when all is well, exact about the place when it is not."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import orjson

from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.errors import InvalidInput
from retrainctl.patterns import late

LIMIT: Final = 64 * 1024 * 1024
"""Largest file that is read. Definitions beyond 3 MB keep their payload in a blob (arm-webservices.md section 4.2)."""

_LARGE: Final = 16 * 1024 * 1024
"""Beyond this size memory matters more than time: orjson needs twelve times the text for a moment."""

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_KIND: Final = bytes(
    ord("0") if byte in b"0123456789" else ord(" ") if byte in b" \t\r\n:,[.+-" else ord("x") for byte in range(256)
)
_LONG_NUMBER: Final = b" " + b"0" * 20
"""A number of 20 digits or more, with every byte told by its kind only; ids are that long too, but stand in quotes."""
_HALF_PAIR: Final = late(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF_NUMBER: Final = late(r"\.|[eE][+-]?")
_AGAIN: Final = "export it again with `retrainctl export`, or check that the path is the right one"


def invalid(code: str, message: str, *, span: Span | None = None, hint: str | None = None) -> InvalidInput:
    """One finding as an exception."""
    return InvalidInput([Diagnostic(code=code, message=message, span=span, hint=hint)], message)


def parse(data: bytes | str, *, file: str, limit: int = LIMIT) -> Any:
    """Reads one JSON value.

    Accepts what Windows tools write: UTF-8 with or without its mark, UTF-16 and UTF-32 with theirs. Whole numbers of
    any length stay exact.

    Raises:
        InvalidInput: with the line and column where the text stops being JSON.
    """
    if len(data) > limit:
        raise invalid(
            "RC204",
            f"the file is too large: {len(data):,} bytes, at most {limit:,} are read",
            span=Span(file, 1, 1),
            hint="check that the path names a web service definition",
        )
    raw = _utf8(data, file)
    # Asked before there is a value: for a moment this takes as much memory as the text.
    long = _LONG_NUMBER in b" " + raw[:21].translate(_KIND) or _LONG_NUMBER in raw.translate(_KIND)
    try:
        value = orjson.loads(raw) if len(raw) <= _LARGE else _economical(raw)
    except (ValueError, RecursionError):
        _explain(raw, file)
    if long:  # orjson reads whole numbers beyond 64 bits as floats; a write must give them back digit for digit
        try:
            value = json.loads(raw)
        except ValueError:
            raise _too_long(file) from None
    return value


def _economical(raw: bytes) -> Any:
    """The same with half the memory and twice the time. Raises `ValueError` for what is no JSON."""
    import msgspec

    return msgspec.json.decode(raw)


def text_of(data: bytes | str, file: str) -> str:
    """The text of a file in any of the encodings that `parse` knows."""
    return _utf8(data, file).decode()


def _utf8(data: bytes | str, file: str) -> bytes:
    if isinstance(data, str):
        return data.removeprefix("\ufeff").encode("utf-8", "replace")
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    body = data[len(mark) :]
    if encoding == "utf-8":
        return body
    try:
        return body.decode(encoding).encode()
    except UnicodeDecodeError as bad:
        raise invalid(
            "RC203", f"the file is not valid {encoding.upper()}: {bad.reason}", span=Span(file, 1, 1), hint=_AGAIN
        ) from None


def _explain(raw: bytes, file: str) -> NoReturn:
    """Finds out with the slower parser where and why the text is not JSON."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as bad:
        before = raw[: bad.start].decode()
        if bad.reason == "unexpected end of data":
            raise _cut_off(_span(file, before, len(before))) from None
        raise invalid(
            "RC203",
            f"the text is not UTF-8: byte 0x{raw[bad.start]:02x} cannot stand here",
            span=_span(file, before, len(before)),
            hint="save the file as UTF-8",
        ) from None
    if not text.strip():
        raise invalid("RC202", "the file is empty", span=Span(file, 1, 1), hint=_AGAIN)
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as bad:
        if _ends_there(text[bad.pos :].rstrip(), bad.msg):
            raise _cut_off(Span(file, bad.lineno, bad.colno)) from None
        raise invalid(
            "RC201", f"not JSON: {bad.msg.lower()}", span=Span(file, bad.lineno, bad.colno), hint="mend this place"
        ) from None
    except _NotANumber as bad:
        at = text.find(bad.word)
        raise invalid(
            "RC201", f"not JSON: {bad.word} is not a number", span=_span(file, text, at), hint="mend this place"
        ) from None
    except ValueError:
        raise _too_long(file) from None
    except RecursionError:
        raise invalid("RC201", "the JSON is nested too deeply", span=Span(file, 1, 1), hint=_AGAIN) from None
    if (half := _HALF_PAIR.search(text)) is not None:
        raise invalid(
            "RC203",
            f"{half.group()} is half a character",
            span=_span(file, text, half.start()),
            hint="write both halves of the pair",
        )
    reason = "the JSON is nested too deeply, or a number is too large"
    raise invalid("RC201", reason, span=Span(file, 1, 1), hint=_AGAIN)


def _ends_there(rest: str, message: str) -> bool:
    """Whether what could not be read is the beginning of something that goes on behind the end of the file."""
    if not rest or message.startswith("Unterminated string") or _HALF_NUMBER.fullmatch(rest):
        return True
    return any(word.startswith(rest) for word in ("true", "false", "null", "-")) or (
        "escape" in message and len(rest) < len("\\u0000") and '"' not in rest
    )


def _too_long(file: str) -> InvalidInput:
    return invalid("RC201", "not JSON: a number has too many digits", span=Span(file, 1, 1), hint=_AGAIN)


def _cut_off(span: Span) -> InvalidInput:
    return invalid(
        "RC202", "the file ends in the middle of the JSON", span=span, hint="the file was cut off: " + _AGAIN
    )


class _NotANumber(Exception):
    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _no_constant(word: str) -> NoReturn:
    raise _NotANumber(word)


def _span(file: str, text: str, offset: int) -> Span:
    line = text.count("\n", 0, offset) + 1
    return Span(file, line, offset - text.rfind("\n", 0, offset))
