"""What signs a request: Shared Key in a header, or a shared access signature in the query.

Texts to sign as Microsoft documents them per version of the service; `azure-storage-blob` 12.31 is what they are
tested against.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, unquote

_SIGNED_HEADERS: Final = (
    *("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date"),
    *("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"),
)
_OVERRIDES: Final = ("rscc", "rscd", "rsce", "rscl", "rsct")


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 of a text with a base64 key, in base64."""
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), sha256).digest()).decode()


def equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def shared_key_texts(account: str, method: str, target: str, headers: Mapping[str, str]) -> Iterator[str]:
    """The texts that a Shared Key signature may be of.

    More than one, because clients differ in two points: whether the path was signed before or after the account came
    to stand in it (a transport that redirects `https://ACCOUNT.blob.core.windows.net/P` to us does so after signing),
    and how header names with hyphens and underscores sort.
    """
    path, _, query = target.partition("?")
    length = headers.get("content-length", "")
    fixed = [headers.get(name, "") for name in _SIGNED_HEADERS]
    fixed[2] = "" if length == "0" else length
    head = "\n".join([method, *fixed]) + "\n"
    pairs = sorted((name.lower(), unquote(value)) for name, value in _raw_pairs(query))
    tail = "".join(f"\n{name}:{value}" for name, value in pairs)
    names = [name for name in headers if name.startswith("x-ms-")]
    bare = path.removeprefix(f"/{account}")
    for order in dict.fromkeys((tuple(sorted(names)), tuple(sorted(names, key=_collation)))):
        listed = "".join(f"{name}:{headers[name].strip()}\n" for name in order)
        for resource in (f"/{account}{path}", f"/{account}{bare}"):
            yield f"{head}{listed}{resource}{tail}"


def _raw_pairs(query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            yield unquote(name), value


def _collation(name: str) -> tuple[str, tuple[int, ...]]:
    """As the service sorts: underscores before digits; hyphens count only between names that are equal without them."""
    hyphens = tuple(-place for place, letter in enumerate(name) if letter == "-")
    return name.replace("-", "").replace("_", " "), hyphens


def sas_members(token: str) -> dict[str, str]:
    """The members of a token, with or without its question mark."""
    return dict(parse_qsl(token.removeprefix("?"), keep_blank_values=True))


def service_text(members: Mapping[str, str], account: str, path: str) -> str:
    """The text behind a service SAS (`sr=b` or `sr=c`). `path` is CONTAINER or CONTAINER/BLOB."""
    version = members.get("sv", "")
    lines = [members.get(name, "") for name in ("sp", "st", "se")]
    lines += [_resource(version, account, path), members.get("si", "")]
    if version >= "2015-04-05":
        lines += [members.get("sip", ""), members.get("spr", "")]
    lines.append(version)
    return "\n".join(lines + _tail(members, version))


def delegation_text(members: Mapping[str, str], account: str, path: str) -> str:
    """The text behind a user delegation SAS."""
    version = members.get("sv", "")
    lines = [members.get(name, "") for name in ("sp", "st", "se")]
    lines.append(_resource(version, account, path))
    lines += [members.get(name, "") for name in ("skoid", "sktid", "skt", "ske", "sks", "skv")]
    if version >= "2020-02-10":
        lines += [members.get(name, "") for name in ("saoid", "suoid", "scid")]
    if version >= "2025-07-05":
        lines += [members.get(name, "") for name in ("skdutid", "sduoid")]
    lines += [members.get("sip", ""), members.get("spr", ""), version]
    tail = _tail(members, version)
    if version >= "2026-04-06":
        tail[-5:-5] = ["", ""]  # signed request headers and query parameters, which the emulator does not support
    return "\n".join(lines + tail)


def account_text(members: Mapping[str, str], account: str) -> str:
    """The text behind an account SAS."""
    lines = [account, *(members.get(name, "") for name in ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv"))]
    if members.get("sv", "") >= "2020-12-06":
        lines.append(members.get("ses", ""))
    return "\n".join([*lines, ""])


def delegation_key(account_key: str, members: Mapping[str, str]) -> str:
    """The user delegation key that belongs to an owner and a time: derived, so that nothing has to be remembered."""
    names = ("skoid", "sktid", "skt", "ske", "sks", "skv")
    return sign(account_key, "\n".join(["user delegation", *(members.get(name, "") for name in names)]))


def _resource(version: str, account: str, path: str) -> str:
    return f"/blob/{account}/{path}" if version >= "2015-02-21" else f"/{account}/{path}"


def _tail(members: Mapping[str, str], version: str) -> list[str]:
    lines = []
    if version >= "2018-11-09":
        lines += [members.get("sr", ""), members.get("snapshot", "")]
    if version >= "2020-12-06":
        lines.append(members.get("ses", ""))
    return lines + [members.get(name, "") for name in _OVERRIDES]
