"""Places and findings: what a user can mend in a file is a value, collected, never thrown one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from enum import StrEnum
from typing import NamedTuple

from retrainctl.fastclass import dataclass


class Span(NamedTuple):
    """A place in a file. `line` and `column` count from 1; `file` is as the user would type it."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """How bad a finding is: an error stops the command, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about the user's input.

    `code` is a key of `retrainctl.codes`; `message` one plain sentence; `hint` the next step.
    `address` names a resource where no file position is known.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    address: str | None = None
    hint: str | None = None


@dataclass(slots=True)
class Diagnostics:
    """Collects every finding of a run, so that all are shown at once."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(
        self, code: str, message: str, span: Span | None = None, hint: str | None = None, address: str | None = None
    ) -> None:
        self.found.append(Diagnostic(code=code, message=message, span=span, hint=hint, address=address))

    def warning(
        self, code: str, message: str, span: Span | None = None, hint: str | None = None, address: str | None = None
    ) -> None:
        self.found.append(
            Diagnostic(code=code, message=message, severity=Severity.WARNING, span=span, hint=hint, address=address)
        )

    def extend(self, more: Iterable[Diagnostic]) -> None:
        self.found.extend(more)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)
