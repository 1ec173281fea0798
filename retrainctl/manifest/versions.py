"""Model versions from CSV files, one of which may serve all models, and what every line of versions must keep."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from math import isfinite
from typing import Any, Final, overload

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.csvfile import Table
from retrainctl.manifest.source import Sources
from retrainctl.manifest.suggest import hint
from retrainctl.manifest.tables import Tables
from retrainctl.model.values import JsonObject
from retrainctl.model.versions import ModelVersion, VersionRows
from retrainctl.patterns import late

COLUMNS: Final = ("model", "version", "uri", "file", "sha256", "etag", "trainedAt", "run", "data")
METRIC: Final = "metrics."
PARAMETER: Final = "parameters."

NO_METRICS: Final[Mapping[str, float]] = {}
NO_PARAMETERS: Final[JsonObject] = {}

_VERSION = late(r"[1-9][0-9]{0,8}")
_URI = late(r"https://[^\s/?#@]+/[^\s?#]+|azureml://(jobs|datastores)/[^\s?#]+")
_SHA256 = late(r"[0-9A-Fa-f]{64}")
_TIME = late(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)


class _BadCell(Exception):
    def __init__(self, column: str, message: str, next_step: str, code: str = "RC144") -> None:
        super().__init__(message)
        self.column, self.message, self.next_step, self.code = column, message, next_step, code


@dataclass(slots=True)
class VersionTable:
    """A CSV file of versions, its rows by model (all under None where there is no such column).

    places: the column of each of `COLUMNS` after the first that there is. metrics, parameters: name and column of each.
    numbers: the version of each row, where no row has an error.
    """

    table: Table
    sources: Sources
    by_model: bool
    places: Mapping[str, int]
    metrics: Sequence[tuple[str, int]]
    parameters: Sequence[tuple[str, int]]
    rows: Mapping[str | None, Sequence[int]]
    numbers: Sequence[int] | None = None
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        """plain: it has but numbers and addresses, as nearly all large ones."""
        self.plain = self.places.keys() == {"version", "uri"} and not self.metrics and not self.parameters

    def line(self, model: str) -> tuple[ModelVersion, ...] | VersionRows | None:
        """The model's versions in the file's order; None when a row of it has errors, which are reported."""
        rows = self.rows.get(model if self.by_model else None, ())
        if (numbers := self.numbers) is not None and _ascend(numbers, rows):
            return _Rows(self, model, rows)
        versions: list[ModelVersion] = []
        broken = False
        for row in rows:
            try:
                version = self.version(model, row)
                broken |= version is None
                if version is not None:
                    versions.append(version)
            except _BadCell as bad:
                broken = True
                span = self.table.span(row, bad.column)
                self.sources.found.error(bad.code, bad.message, span, bad.next_step, f"Model/{model}")
        return None if broken else tuple(versions)

    def version(self, model: str, row: int) -> ModelVersion | None:
        """One row; None when its file is missing, which is reported. Raises `_BadCell`."""
        cells = self.table.rows[row]
        origin = Span(self.table.file, self.table.lines[row], 1)
        if self.plain and self.numbers is not None:
            uri = cells[self.places["uri"]].strip()
            return ModelVersion(
                model=model,
                version=self.numbers[row],
                uri=uri,
                metrics=NO_METRICS,
                parameters=NO_PARAMETERS,
                origin=origin,
            )
        values: dict[str, Any] = {name: text for name, at in self.places.items() if (text := cells[at].strip())}
        if self.numbers is None and not self._check(values, row):
            return None
        if "sha256" in values:
            values["sha256"] = values["sha256"].lower()
        if "data" in values:
            values["data"] = tuple(values["data"].split())
        return ModelVersion(
            model=model,
            version=int(values.pop("version")),
            trained_at=values.pop("trainedAt", None),
            metrics=self._metrics(cells) if self.metrics else NO_METRICS,
            parameters={n: cells[at] for n, at in self.parameters if cells[at]} if self.parameters else NO_PARAMETERS,
            origin=origin,
            **values,
        )

    def _check(self, values: dict[str, Any], row: int) -> bool:
        """Whether the cells are as they must be; a file's path is put in place of its name."""
        version, uri, file, sha256, trained = map(values.get, ("version", "uri", "file", "sha256", "trainedAt"))
        if version is None or _VERSION.fullmatch(version) is None:
            raise _BadCell("version", f'"{(version or "")[:40]}" is no version', "Write a whole number from 1 on.")
        if (uri is None) == (file is None):
            raise _BadCell("uri", "a version needs exactly one of uri, file", "Fill in one of the two columns.")
        if uri is not None and _URI.fullmatch(uri) is None:
            raise _BadCell(
                "uri", "uri must be the https address of a blob, without user name, query or fragment", _NO_SAS, "RC142"
            )
        if sha256 is not None and _SHA256.fullmatch(sha256) is None:
            raise _BadCell("sha256", "sha256 must be 64 hexadecimal digits", "Leave it empty or mend it.")
        if trained is not None and _TIME.fullmatch(trained) is None:
            raise _BadCell("trainedAt", "trainedAt must be a time such as 2026-11-02T08:00:00Z", "Mend it.")
        if file is not None:
            values["file"] = model_file(self.sources, file, self.table.file, lambda: self.table.span(row, "file"))
            return values["file"] is not None
        return True

    def _metrics(self, cells: list[str]) -> Mapping[str, float]:
        values: dict[str, float] = {}
        for name, at in self.metrics:
            text = cells[at].strip()
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not isfinite(value) or "_" in text:
                message = f'"{text[:40]}" is no number'
                raise _BadCell(METRIC + name, message, "Write it with a decimal point, or leave it empty.")
            values[name] = value
        return values


_NO_SAS: Final = "Leave the SAS out; one is made when it is needed."


@dataclass(slots=True)
class VersionTables:
    """The version files of one load, each read once."""

    tables: Tables
    sources: Sources
    _known: dict[str, VersionTable | None] = field(default_factory=dict)
    _named: dict[tuple[str, str], VersionTable] = field(default_factory=dict)

    def load(self, name: str, base: str, at: Callable[[], Span]) -> VersionTable | None:
        """The file called `name` in the file `base`; None, reported once, when it cannot be used."""
        if (known := self._named.get((name, base))) is not None:
            return known
        table = self.tables.load(name, base, at)
        if table is None:
            return None
        if table.file not in self._known:
            self._known[table.file] = _version_table(table, self.sources)
        made = self._known[table.file]
        if made is not None:
            self._named[name, base] = made
        return made


def _version_table(table: Table, sources: Sources) -> VersionTable | None:
    columns = {name: at for at, name in enumerate(table.header) if name in COLUMNS}
    metrics, parameters = _named(table, METRIC), _named(table, PARAMETER)
    span = Span(table.file, 1, 1)
    wrong = [name for name in table.header if name not in COLUMNS and not name.startswith((METRIC, PARAMETER))]
    for name in wrong:
        next_step = hint(name, [*COLUMNS, "metrics.NAME", "parameters.NAME"], "columns")
        sources.found.error("RC144", f'there is no column "{name}" in a file of versions', span, next_step)
    if "version" not in columns or not {"uri", "file"} & columns.keys():
        message = "a file of versions needs the column version, and uri or file"
        sources.found.error("RC144", message, span, f"Columns: {', '.join(COLUMNS)}, metrics.NAME, parameters.NAME.")
        return None
    if wrong:
        return None
    at = columns.get("model")
    places = {name: at for name, at in columns.items() if name != "model"}
    numbers = _sound(table, columns, [at for _, at in metrics])
    return VersionTable(table, sources, at is not None, places, metrics, parameters, _by_model(table, at), numbers)


def _by_model(table: Table, at: int | None) -> Mapping[str | None, Sequence[int]]:
    """The rows of each model, in the file's order."""
    if at is None:
        return {None: range(len(table.rows))}
    rows: dict[str | None, list[int]] = {}
    for row, cells in enumerate(table.rows):
        name = cells[at].strip()
        if (known := rows.get(name)) is None:
            rows[name] = [row]
        else:
            known.append(row)
    return rows


def _sound(table: Table, columns: Mapping[str, int], metrics: Sequence[int]) -> Sequence[int] | None:
    """The number of each row's version, where no row of the table has an error; None: look at each row.

    Column by column, so that rows that nobody asks for cost next to nothing. A table of files is looked at row by row.
    """
    rows = table.rows
    if "file" in columns and any(cells[columns["file"]].strip() for cells in rows):
        return None
    versions = [cells[columns["version"]].strip() for cells in rows]
    numbers = {text: int(text) for text in set(versions) if _VERSION.fullmatch(text)}
    if "uri" not in columns or not all(map(numbers.__contains__, versions)):
        return None
    if not all(map(_URI.fullmatch, [cells[columns["uri"]].strip() for cells in rows])):
        return None
    for name, pattern in (("sha256", _SHA256), ("trainedAt", _TIME)):
        at = columns.get(name)
        if at is not None and not all(map(pattern.fullmatch, [text for cells in rows if (text := cells[at].strip())])):
            return None
    for at in metrics:
        try:
            if not all(isfinite(float(text)) and "_" not in text for cells in rows if (text := cells[at].strip())):
                return None
        except ValueError:
            return None
    return array("L", map(numbers.__getitem__, versions))


def _ascend(numbers: Sequence[int], rows: Sequence[int]) -> bool:
    before = 0
    for row in rows:
        if numbers[row] <= before:
            return False
        before = numbers[row]
    return True


class _Rows(VersionRows):
    """The versions of one model in a table without errors."""

    __slots__ = ("_model", "_rows", "_table")

    def __init__(self, table: VersionTable, model: str, rows: Sequence[int]) -> None:
        self._table, self._model, self._rows = table, model, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, at: int) -> ModelVersion: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[ModelVersion, ...]: ...
    def __getitem__(self, at: int | slice) -> ModelVersion | tuple[ModelVersion, ...]:
        if isinstance(at, slice):
            return tuple(map(self._made, self._rows[at]))
        return self._made(self._rows[at])

    def find(self, version: int) -> ModelVersion | None:
        numbers = self._table.numbers or ()
        for row in self._rows:
            if numbers[row] == version:
                return self._made(row)
        return None

    def uris(self) -> Iterable[str | None]:
        at = self._table.places.get("uri")
        rows = self._table.table.rows
        return [rows[row][at].strip() for row in self._rows] if at is not None else []

    def local(self) -> Iterable[ModelVersion]:
        return ()

    def _made(self, row: int) -> ModelVersion:
        made = self._table.version(self._model, row)
        assert made is not None
        return made


def _named(table: Table, prefix: str) -> list[tuple[str, int]]:
    """The columns `PREFIX.NAME`: name and place."""
    return [
        (name.removeprefix(prefix), at)
        for at, name in enumerate(table.header)
        if name.startswith(prefix) and len(name) > len(prefix)
    ]


def model_file(sources: Sources, name: str, base: str, at: Callable[[], Span]) -> str | None:
    """The path from the project's folder of a version's local file or folder; None, reported, when there is none."""
    path = sources.inside(name, base, at())
    if path is not None and not (sources.is_file(path) or sources.is_folder(path)):
        sources.found.error(
            "RC143", f"there is no model file {path}", at(), "Check the path; it is relative to this file."
        )
        return None
    return path


def check_line(versions: Sequence[ModelVersion], found: Diagnostics) -> bool:
    """Whether the versions of a model are unique and ascend; reports where they do not."""
    if len(versions) < 2:
        return True
    fine = True
    seen: dict[int, ModelVersion] = {}
    highest = 0
    for version in versions:
        number = version.version
        if number > highest:
            highest = number
        elif (first := seen.get(number)) is not None:
            fine = False
            message = f"{version.label} stands twice; it was first given at {first.origin}"
            found.error("RC140", message, version.origin, "A version never changes: give the new one the next number.")
        else:
            fine = False
            message = f"version {number} of {version.model} comes after version {highest}"
            found.error("RC141", message, version.origin, "Keep versions in ascending order.")
        seen.setdefault(number, version)
    return fine
