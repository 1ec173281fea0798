"""The CSV files of one load, each read once however many documents name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest import csvfile
from retrainctl.manifest.csvfile import Table
from retrainctl.manifest.source import Sources


@dataclass(slots=True)
class Tables:
    """Tables by the name that a file gives them. `at`: where they are named, asked for only to report."""

    sources: Sources
    _named: dict[tuple[str, str], Table | None] = field(default_factory=dict)
    _read: dict[str, Table | None] = field(default_factory=dict)

    def load(self, name: str, base: str, at: Callable[[], Span]) -> Table | None:
        """The table called `name` in the file `base`; None, reported once, when it cannot be used."""
        key = (name, base.rpartition("/")[0])
        if key not in self._named:
            path = self.sources.inside(name, base, at())
            self._named[key] = None if path is None else self._table(path, at())
        return self._named[key]

    def _table(self, path: str, span: Span) -> Table | None:
        if path not in self._read:
            self._read[path] = csvfile.load(self.sources, path, span)
        return self._read[path]
