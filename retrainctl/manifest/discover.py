"""Which files are manifests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import field
from typing import Final

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.source import Sources

SUFFIXES: Final = (".yaml", ".yml")
DEFAULT: Final = "manifests"


@dataclass(slots=True)
class Discovery:
    """Finds the manifest files of a project, each once, in the order of their paths within an entry."""

    sources: Sources
    seen: set[str] = field(default_factory=set)
    _walked: set[str] = field(default_factory=set)

    def files(self, entry: str, base: str, span: Span | None) -> Iterator[str]:
        """The files of an entry of `spec.manifests`: a folder with all below it, a file, or a pattern."""
        if any(sign in entry for sign in "*?["):
            yield from self._pattern(entry, base, span)
            return
        path = self.sources.inside(entry, base, span)
        if path is None:
            return
        full = self.sources.root / path
        if full.is_dir():
            yield from self._folder(path, span)
        elif full.is_file():
            yield from self._once(path)
        else:
            hint = "Create it, or mend `spec.manifests` in the project file."
            self.sources.found.error("RC109", f"there is no file or folder {path}", span, hint)

    def _pattern(self, entry: str, base: str, span: Span | None) -> Iterator[str]:
        fixed = entry[: min(entry.find(sign) for sign in "*?[" if sign in entry)].rpartition("/")[0]
        if self.sources.inside(fixed or ".", base, span) is None:
            return
        folder = os.path.dirname(base)  # noqa: PTH120
        try:
            matches = sorted((self.sources.root / folder).glob(entry))
        except (ValueError, NotImplementedError, OSError):
            self.sources.found.error("RC109", f"{entry} is no pattern for files", span, "Write e.g. manifests/*.yaml.")
            return
        if not matches:
            self.sources.found.error("RC109", f"no file matches {entry}", span, "Mend the pattern, or remove it.")
        for match in matches:
            path = match.relative_to(self.sources.root).as_posix()
            if match.suffix in SUFFIXES and match.is_file() and self.sources.inside(path, "", span) is not None:
                yield from self._once(path)

    def _folder(self, path: str, span: Span | None) -> Iterator[str]:
        """Every manifest below a folder; hidden files and folders are passed over, links out of the project refused."""
        full = self.sources.root / path
        real = os.path.realpath(full)
        if real in self._walked:
            return
        self._walked.add(real)
        try:
            entries = sorted(os.scandir(full), key=lambda entry: entry.name)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.sources.found.error("RC109", f"{path} cannot be read: {reason}", span, "Check its permissions.")
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            below = entry.name if path == "." else f"{path}/{entry.name}"
            is_folder = entry.is_dir()
            if not is_folder and not entry.name.endswith(SUFFIXES):
                continue
            if entry.is_symlink() and self.sources.inside(below, "", span) is None:
                continue
            if is_folder:
                yield from self._folder(below, span)
            else:
                yield from self._once(below)

    def _once(self, path: str) -> Iterator[str]:
        if path not in self.seen:
            self.seen.add(path)
            yield path
