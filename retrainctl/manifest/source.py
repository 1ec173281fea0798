"""Reading the project's files: inside the project folder only, as text, bounded, hashed, and free of secrets."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.patterns import late

MAX_YAML: Final = 64 * 1024 * 1024
MAX_CSV: Final = 256 * 1024 * 1024
MAX_SECRETS: Final = 20
"""So many literal secrets are reported per file."""

_READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opening a pipe must not wait for its other end."""

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS: Final = bytes(sorted({*range(32), 127} - {9, 10, 13}))
_CONTROL = late("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_SECRETS: Final = (
    (
        "a SAS signature",
        ("sig=", "sig%3d"),
        late(r"(?:^|[?&;\s\"']|%3F|%26)(sig)(?:=|%3D)(?!\s|\{\{|[\"'&]|$)", re.IGNORECASE | re.MULTILINE),
    ),
    (
        "an account key",
        ("accountkey=", "sharedaccesskey=", "sharedaccesssignature="),
        late(r"(AccountKey|SharedAccessKey|SharedAccessSignature)=(?!\s|\{\{|[\"';]|$)", re.IGNORECASE | re.MULTILINE),
    ),
    ("an account key", ("==",), late(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]{86})==")),
)
"""What a literal secret is called, what its text must contain (a quick test), and how it looks."""


REFER_INSTEAD: Final = (
    "Remove it, revoke it, and refer to it: {env: NAME}, {file: PATH} or {keyVault: URL, secret: NAME}."
    " A model version's uri needs no SAS."
)


def in_clear(name: str) -> str:
    """The finding about a literal secret; it never holds the secret."""
    return f"{name} stands here in clear"


def secrets_in(text: str) -> list[tuple[str, int]]:
    """The secrets that stand literally in a text: what each is and where it begins."""
    if "=" not in text and "%" not in text:  # one of them is in every mark
        return []
    lowered = text.lower()
    return [
        (name, match.start(1))
        for name, marks, pattern in _SECRETS
        if any(mark in lowered for mark in marks)
        for match in pattern.finditer(text)
    ]


@dataclass(slots=True)
class Sources:
    """The files of one load, by their path from the project's folder. Each is read once.

    root: the project's folder, resolved. hashes: SHA-256 of every file that was read.
    """

    root: Path
    found: Diagnostics
    hashes: dict[str, str] = field(default_factory=dict)
    _folders: dict[str, bool] = field(default_factory=dict)
    _told: set[tuple[str, int]] = field(default_factory=set)

    def inside(self, text: str, base: str, span: Span | None) -> str | None:
        """The path from the project's folder of a file that is named relative to the file `base`.

        Reports a path that is absolute or leads out of the project, also through a symbolic link, and gives None.
        """
        if text.startswith("/") or "\\" in text or (len(text) > 1 and text[1] == ":"):
            message = f'"{text}" is not a relative path with / between its parts'
            self.found.error("RC110", message, span, "Name files relative to this file, inside the project folder.")
            return None
        relative = os.path.normpath(os.path.join(os.path.dirname(base), text)).replace(os.sep, "/")  # noqa: PTH118, PTH120
        if relative == ".." or relative.startswith("../") or not self._stays(relative):
            message = f'"{text}" leads out of the project folder'
            self.found.error("RC110", message, span, "Keep every file of the project inside its folder.")
            return None
        return relative

    def _stays(self, relative: str) -> bool:
        """Whether a path, its symbolic links followed, is inside the root. Folders are looked at once."""
        folder, _, name = relative.rpartition("/")
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._real(folder)
        if not known:
            return False
        full = self.root / relative
        return not full.is_symlink() or self._real(relative) if name else known

    def _real(self, relative: str) -> bool:
        try:
            return (self.root / relative).resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False

    def is_file(self, relative: str) -> bool:
        """Whether there is a regular file."""
        try:
            return stat.S_ISREG((self.root / relative).stat().st_mode)
        except OSError:
            return False

    def is_folder(self, relative: str) -> bool:
        """Whether there is a folder."""
        try:
            return stat.S_ISDIR((self.root / relative).stat().st_mode)
        except OSError:
            return False

    def read(self, relative: str, span: Span | None, limit: int = MAX_YAML) -> bytes | None:
        """The bytes of a file, hashed and noted as a source; None, reported at `span`, when it cannot be read."""
        try:
            data = _bytes(f"{self.root}/{relative}", limit)
        except FileNotFoundError:
            self.found.error("RC109", f"there is no file {relative}", span, _neighbours(self.root / relative))
            return None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.found.error("RC109", f"{relative} cannot be read: {reason}", span, "Check its permissions.")
            return None
        if data is None:
            self.found.error("RC109", f"{relative} is not a file", span, "Name a file.")
            return None
        if len(data) > limit:
            message = f"{relative} has more than the {limit:,} bytes that are read"
            self.found.error("RC103", message, span or Span(relative, 1, 1), "Split the file.")
            return None
        self.hashes[relative] = hashlib.sha256(data).hexdigest()
        return data

    def text(self, relative: str, span: Span | None, limit: int = MAX_YAML) -> str | None:
        """The text of a UTF-8 file without its byte order mark; None, reported, where there is none.

        A literal secret is reported, and the text is given all the same, for it may hold more errors.
        """
        data = self.read(relative, span, limit)
        return None if data is None else self.decode(data, relative)

    def decode(self, data: bytes, relative: str) -> str | None:
        """The same for bytes that have been read already."""
        if data[:2] in _UTF16:
            hint = "Save it as UTF-8 (PowerShell: Out-File -Encoding utf8)."
            self.found.error("RC102", "the file is UTF-16, not UTF-8", Span(relative, 1, 1), hint)
            return None
        data = data.removeprefix(_BOM)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            span = _place(relative, data[: error.start].decode())
            message = f"byte 0x{data[error.start]:02x} is not UTF-8"
            self.found.error("RC102", message, span, "Save the file as UTF-8.")
            return None
        if len(data.translate(None, _CONTROLS)) != len(data) and (control := _CONTROL.search(text)):
            message = f"a control character (U+{ord(control.group()):04X})"
            self.found.error("RC102", message, _place(relative, text[: control.start()]), "Remove it.")
            return None
        for name, start in secrets_in(text)[:MAX_SECRETS]:
            span = _place(relative, text[:start])
            self._told.add((relative, span.line))
            self.found.error("RC120", in_clear(name), span, REFER_INSTEAD)
        return text

    def told_of_secret(self, span: Span) -> bool:
        """Whether a literal secret in that line has been reported."""
        return (span.file, span.line) in self._told

    def warn_of_secrets(self, data: bytes, relative: str) -> None:
        """Warns of literal secrets in a file that another tool wrote (an exported definition)."""
        text = data.decode("utf-8", "replace")
        for name, start in secrets_in(text)[:MAX_SECRETS]:
            message = f"{in_clear(name)}; it is not used"
            self.found.warning(
                "RC120", message, _place(relative, text[:start]), "Remove it from the file and revoke it."
            )

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every file that was read with its SHA-256, sorted by path."""
        return tuple(sorted(self.hashes.items()))


def _bytes(path: str, limit: int) -> bytes | None:
    """A regular file's bytes, of a larger one a little more than the limit; None when it is something else."""
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        parts: list[bytes] = []
        size = 0
        while size <= limit and (part := os.read(descriptor, min(status.st_size, limit) - size + 1)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _place(file: str, before: str) -> Span:
    """Where a text ends that begins a file."""
    line = before.count("\n") + 1
    return Span(file, line, len(before) - before.rfind("\n"))


def _neighbours(path: Path) -> str:
    """A hint for a missing file: a similar name in the same folder, else what to check."""
    from retrainctl.manifest.suggest import closest

    try:
        names: Sequence[str] = sorted(entry.name for entry in os.scandir(path.parent))
    except OSError:
        return "Check the path; it is relative to the file that names it."
    near = closest(path.name, names)
    return f'Did you mean "{near}"?' if near else "Check the path; it is relative to the file that names it."
