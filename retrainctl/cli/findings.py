"""Findings about the user's files on the terminal, with the source line where the file can still be read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from retrainctl.cli.console import Console
from retrainctl.diagnostics import Diagnostic
from retrainctl.render.diagnostics_text import SourceLine, diagnostics_text

_LARGEST = 64 * 1024 * 1024


def shown(diagnostics: Iterable[Diagnostic], console: Console, folder: Path | None = None) -> str:
    """The findings as text for stderr. folder: what the spans' files are relative to; default: the console's."""
    return diagnostics_text(diagnostics, source=source_in(folder or console.folder), style=console.message_style)


def source_in(folder: Path) -> SourceLine:
    """Reads source lines below a folder, each file once."""
    files: dict[str, list[str]] = {}

    def line(file: str, number: int) -> str | None:
        if file not in files:
            files[file] = _lines(folder / file)
        lines = files[file]
        return lines[number - 1] if 0 < number <= len(lines) else None

    return line


def _lines(path: Path) -> list[str]:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        # Only line feeds end lines here, as for the parser whose positions these are.
        return path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except (OSError, ValueError):
        return []
