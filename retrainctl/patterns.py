"""Regular expressions that are compiled when they are used, not when their module is imported.

Most of those that a command has beside it name what is rare: a control character, a signed address, an odd date.
Compiling one takes as long as using it a thousand times.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, AnyStr, cast


class _Late:
    """A pattern that becomes one when one of its methods is first asked for."""

    __slots__ = ("_flags", "_real", "_text")

    def __init__(self, text: Any, flags: int) -> None:
        self._text = text
        self._flags = flags
        self._real: re.Pattern[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._real is None:
            self._real = re.compile(self._text, self._flags)
        return getattr(self._real, name)


def late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As `re.compile`, but compiled at first use. For what few runs need; what every run needs gains nothing."""
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))


@contextmanager
def compiled_late(package: str) -> Iterator[None]:
    """While it lasts, `re.compile` gives the modules of one package late patterns.

    For importing a package that has many of them of which nothing here uses one: those of PyYAML's reader in Python
    are a tenth of a small plan's time, and libyaml does its work. Everybody else, other threads too, gets what
    `re.compile` always gives.
    """
    compile_now = re.compile

    def compile_(pattern: Any, flags: Any = 0) -> Any:
        caller: str = sys._getframe(1).f_globals.get("__name__", "")
        return _Late(pattern, flags) if caller.partition(".")[0] == package else compile_now(pattern, flags)

    re.compile = compile_
    try:
        yield
    finally:
        re.compile = compile_now
