"""Regular expressions of a library that are compiled when they are used, not when the library is imported."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Later:
    """A pattern that becomes one when one of its methods is first asked for."""

    __slots__ = ("_flags", "_real", "_text")

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags
        self._real: re.Pattern[str] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._real is None:
            self._real = re.compile(self._text, self._flags)
        return getattr(self._real, name)


@contextmanager
def compiled_when_used(package: str) -> Iterator[None]:
    """While it lasts, `re.compile` gives the modules of one package patterns that compile themselves at first use.

    For importing a package that has many of them of which nothing here uses one: those of PyYAML's reader in Python
    are a tenth of a small plan's time, and libyaml does its work. Everybody else, other threads too, gets what
    `re.compile` always gives.
    """
    compile_now = re.compile

    def compile_(pattern: Any, flags: Any = 0) -> Any:
        caller: str = sys._getframe(1).f_globals.get("__name__", "")
        ours = caller.partition(".")[0] == package and isinstance(pattern, str)
        return _Later(pattern, flags) if ours else compile_now(pattern, flags)

    re.compile = compile_
    try:
        yield
    finally:
        re.compile = compile_now
