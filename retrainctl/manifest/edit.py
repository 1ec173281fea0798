"""New model versions written into the manifests, and the slots that move along: comments and layout stay.

What can be written where is known before anything is trained (`Editor.check`); `Editor.edited` then gives whole new
texts and touches no file.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any, Final

from retrainctl.diagnostics import Diagnostic, Diagnostics
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.manifest.csvedit import CsvEdit
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.load import Loaded
from retrainctl.manifest.pins import written
from retrainctl.manifest.versions import METRIC, PARAMETER
from retrainctl.manifest.yamledit import YamlEdit
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelLine, ModelVersion

_BOM: Final = b"\xef\xbb\xbf"
_LITERAL = re.compile(r"@([1-9][0-9]{0,8})\Z")
_CELL = re.compile(r"@\{\{\s*item\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\Z", re.ASCII)
_BY_HAND: Final = "Write MODEL@N or MODEL@{{ item.COLUMN }} with a CSV column of its own, or run with --no-bump."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A slot that names a version of a model, and where that is written.

    cell: file, line and column name of a CSV cell; else the pin is a literal at `place` (line, column) of `file`.
    """

    address: Address
    slot: str
    version: int
    file: str
    place: tuple[int, int] = (1, 1)
    cell: tuple[str, int, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """New texts by path in the project, the versions first. moved: the slots that move, and to which version.

    left: slots that name an older version of a model and stay. widened: CSV file -> columns that it got.
    """

    files: Mapping[str, bytes]
    moved: tuple[tuple[Pin, int], ...] = ()
    left: tuple[Pin, ...] = ()
    widened: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Editor:
    """Edits the manifests of a loaded project. bump: whether the slots move along."""

    def __init__(self, loaded: Loaded, *, bump: bool) -> None:
        self._loaded = loaded
        self._bump = bump

    def check(self, models: Iterable[str]) -> tuple[Diagnostic, ...]:
        """What cannot be written for these models; nothing is trained before that is mended."""
        wanted = list(models)
        found = Diagnostics()
        for name in wanted:
            self._check_versions(self._loaded.models[name], found)
        for name in wanted if self._bump else ():
            previous = _previous(self._loaded.models[name], None)
            for desired, slot, version in self._uses.get(name, ()):
                if previous is not None and version.version == previous:
                    self._check_pin(desired, slot, name, set(wanted), found)
        return tuple(found)

    def files(self, models: Iterable[str]) -> tuple[str, ...]:
        """Every file that recording versions of these models may change."""
        found: dict[str, None] = {}
        for name in models:
            line = self._loaded.models[name]
            found[_versions_file(line)] = None
            previous = _previous(line, None)
            for desired, slot, version in self._uses.get(name, ()) if self._bump else ():
                if version.version == previous and (pin := self._pin(desired, slot)) is not None:
                    found[pin.cell[0] if pin.cell is not None else pin.file] = None
        return tuple(found)

    def edited(self, versions: Sequence[ModelVersion]) -> Edited:
        """The texts with these versions recorded; a version that stands there already is not written again.

        Raises:
            InvalidInput: what `check` would have said; or a version that is known as another one.
            OSError: a file cannot be read.
        """
        work = _Work(self._loaded)
        moved: list[tuple[Pin, int]] = []
        left: list[Pin] = []
        for version in versions:
            line = self._loaded.models[version.model]
            if not _is_there(line, version):
                work.record(line, version)
        for version in versions if self._bump else ():
            previous = _previous(self._loaded.models[version.model], version.version)
            for desired, slot, current in self._uses.get(version.model, ()):
                pin = self._pin(desired, slot)
                if pin is None or current.version >= version.version:
                    continue
                if current.version == previous:
                    work.move(pin, version.version)
                    moved.append((pin, version.version))
                else:
                    left.append(pin)
        return Edited(files=work.files(), moved=tuple(moved), left=tuple(left), widened=work.widened)

    # Where versions are

    def _check_versions(self, line: ModelLine, found: Diagnostics) -> None:
        instance = _instance(line.spans)
        address = f"Model/{line.name}"
        hint = "Write the versions as a list of this model alone, or as versions: {csv: FILE}."
        if instance is None:
            found.error("RC605", f"it is not known where model {line.name} is declared", line.origin, hint, address)
            return
        declared = instance.spec["versions"]
        span = instance.document.span(("spec", "versions"))
        if isinstance(declared, Mapping):
            return
        if not isinstance(instance.document.data["spec"]["versions"], list):
            found.error("RC605", f"an expression makes the versions of {line.name}", span, hint, address)
        elif len(self._models_of[id(instance.document)]) > 1:
            found.error(
                "RC605", f"one list has the versions of several models, {line.name} among them", span, hint, address
            )

    @cached_property
    def _models_of(self) -> Mapping[int, set[str]]:
        """Document -> the models that it declares."""
        found: defaultdict[int, set[str]] = defaultdict(set)
        for line in self._loaded.models.values():
            if (instance := _instance(line.spans)) is not None:
                found[id(instance.document)].add(line.name)
        return found

    # Where slots are

    @cached_property
    def _uses(self) -> Mapping[str, list[tuple[Desired, str, ModelVersion]]]:
        """Model -> the slots that name a version of it."""
        found: defaultdict[str, list[tuple[Desired, str, ModelVersion]]] = defaultdict(list)
        for desired in self._loaded.desired:
            for slot, version in desired.slots.items():
                found[version.model].append((desired, slot, version))
        return found

    @cached_property
    def _pinned(self) -> Mapping[tuple[Any, ...], set[tuple[str, int]]]:
        """Cell or literal -> the model versions that slots read from it."""
        found: defaultdict[tuple[Any, ...], set[tuple[str, int]]] = defaultdict(set)
        for uses in self._uses.values():
            for desired, slot, version in uses:
                if (pin := self._pin(desired, slot)) is not None:
                    found[_source(pin)].add((version.model, version.version))
        return found

    def _check_pin(self, desired: Desired, slot: str, model: str, models: set[str], found: Diagnostics) -> None:
        span, address = desired.span(("models", slot)), str(desired.address)
        pin = self._pin(desired, slot)
        if pin is None:
            message = f'slot "{slot}" names {model} by an expression that cannot be rewritten'
            found.error("RC603", message, span, _BY_HAND, address)
            return
        others = {name for name, _ in self._pinned[_source(pin)]} - {model}
        if others:
            message = (
                f'slot "{slot}" of {model} takes its version from the same place as {", ".join(sorted(others)[:5])}'
            )
            found.error("RC603", message, span, _BY_HAND, address)
        elif pin.cell is not None and not self._has_cell(pin.cell):
            found.error("RC603", f"the version of {model} is in no CSV cell", span, _BY_HAND, address)

    def _has_cell(self, cell: tuple[str, int, str]) -> bool:
        return (self._loaded.project.root / cell[0]).is_file()

    def _pin(self, desired: Desired, slot: str) -> Pin | None:
        """Where a slot's version is written; None where it cannot be rewritten."""
        instance = _instance(desired.spans)
        if instance is None:
            return None
        document = instance.document
        _, at, depth = instance.find(("spec", "models", slot))
        raw = written(instance, ("spec", "models", slot))
        if depth < 3 or not isinstance(raw, str):
            return None
        span = document.span_at(at)
        version = desired.slots[slot].version
        made = Pin(
            address=desired.address, slot=slot, version=version, file=document.file, place=(span.line, span.column)
        )
        if _LITERAL.search(raw):
            return made
        match, item = _CELL.search(raw), instance.item
        if match is None or item is None or item.table is None or match[1] not in item.table.header:
            return None
        cell = (item.table.file, item.table.lines[item.row], match[1])
        return Pin(address=desired.address, slot=slot, version=version, file=document.file, cell=cell)


class _Work:
    """The files that are being edited, each read once."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._csv: dict[str, CsvEdit] = {}
        self._yaml: dict[str, YamlEdit] = {}
        self._marked: set[str] = set()
        self._done: set[tuple[Any, ...]] = set()
        self.widened: dict[str, list[str]] = {}
        self._versions: dict[str, None] = {}

    def record(self, line: ModelLine, version: ModelVersion) -> None:
        instance = _instance(line.spans)
        assert instance is not None
        file = _versions_file(line)
        self._versions[file] = None
        if isinstance(instance.spec["versions"], Mapping):
            self._to_csv(file, line, version)
            return
        span = instance.document.span(("spec", "versions"), key=False)
        key = instance.document.span(("spec", "versions"))
        self._yaml_edit(file).append((span.line, span.column), key.column, as_item(version))

    def _to_csv(self, file: str, line: ModelLine, version: ModelVersion) -> None:
        edit = self._csv_edit(file)
        cells = as_cells(version)
        if "model" not in edit.header:
            del cells["model"]
        if (new := edit.widen(list(cells))) != []:
            self.widened.setdefault(file, []).extend(new)
        last = line.versions[-1].origin if line.versions else None
        edit.add(last.line if last is not None and last.file == file else None, cells)

    def move(self, pin: Pin, version: int) -> None:
        if (key := _source(pin)) in self._done:
            return
        self._done.add(key)
        if pin.cell is not None:
            file, line, column = pin.cell
            self._csv_edit(file).change(line, column, str(version))
        else:
            self._yaml_edit(pin.file).change_tail(pin.place, f"@{pin.version}", f"@{version}")

    def files(self) -> dict[str, bytes]:
        """The new contents, files with versions first: a slot never names a version that is not written yet."""
        texts = {file: edit.result() for file, edit in self._csv.items()}
        texts |= {file: edit.result() for file, edit in self._yaml.items()}
        order = [*(file for file in self._versions if file in texts), *(f for f in texts if f not in self._versions)]
        return {file: (_BOM if file in self._marked else b"") + texts[file].encode() for file in order}

    def _csv_edit(self, file: str) -> CsvEdit:
        if file not in self._csv:
            self._csv[file] = CsvEdit(self._text(file))
        return self._csv[file]

    def _yaml_edit(self, file: str) -> YamlEdit:
        if file not in self._yaml:
            self._yaml[file] = YamlEdit(self._text(file))
        return self._yaml[file]

    def _text(self, file: str) -> str:
        data = (self._loaded.project.root / file).read_bytes()
        if data.startswith(_BOM):
            self._marked.add(file)
        return data.removeprefix(_BOM).decode()


def as_item(version: ModelVersion) -> dict[str, Any]:
    """A version as an entry of a manifest's list, members in the order that people write them."""
    members: dict[str, Any] = {
        "version": version.version,
        "uri": version.uri,
        "sha256": version.sha256,
        "etag": _bare(version.etag),
        "trainedAt": version.trained_at,
        "run": version.run,
        "metrics": {name: float(_metric(value)) for name, value in version.metrics.items()},
        "data": list(version.data),
        "parameters": dict(version.parameters),
    }
    return {name: value for name, value in members.items() if value is not None and value not in ({}, [])}


def as_cells(version: ModelVersion) -> dict[str, str]:
    """The same as cells of a row."""
    cells = {
        "model": version.model,
        "version": str(version.version),
        "uri": version.uri or "",
        "sha256": version.sha256 or "",
        "etag": _bare(version.etag) or "",
        "trainedAt": version.trained_at or "",
        "run": version.run or "",
    }
    if version.data:
        cells["data"] = " ".join(version.data)
    cells |= {METRIC + name: _metric(value) for name, value in version.metrics.items()}
    return cells | {PARAMETER + name: _shown(value) for name, value in version.parameters.items()}


def _bare(etag: str | None) -> str | None:
    """Without its quotes: they would be quoted again, and nobody compares them."""
    return None if etag is None else etag.strip('"')


def _metric(value: float) -> str:
    """Ten digits: what is beyond them is noise, and differs from machine to machine."""
    return f"{value:.10g}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _is_there(line: ModelLine, version: ModelVersion) -> bool:
    """Whether the version is recorded already; raises when the number is another version's."""
    known = line.find(version.version)
    if known is None:
        return False
    if known.uri == version.uri and known.sha256 in (None, version.sha256):
        return True
    message = f"{version.label} is known as {known.uri or known.file}, and cannot become {version.uri}"
    finding = Diagnostic(code="RC140", message=message, span=known.origin, address=f"Model/{line.name}")
    raise InvalidInput([finding], message)


def _previous(line: ModelLine, below: int | None) -> int | None:
    """The highest version, or the highest one below a number."""
    numbers = [version.version for version in line.versions if below is None or version.version < below]
    return max(numbers, default=None)


def _source(pin: Pin) -> tuple[Any, ...]:
    return pin.cell if pin.cell is not None else (pin.file, *pin.place)


def _instance(spans: object) -> Instance | None:
    found = getattr(spans, "instance", None)
    return found if isinstance(found, Instance) else None


def _versions_file(line: ModelLine) -> str:
    """The file that the versions of a model stand in."""
    instance = _instance(line.spans)
    assert instance is not None, "models come from manifests"
    declared = instance.spec["versions"]
    if not isinstance(declared, Mapping):
        return instance.document.file
    folder = os.path.dirname(instance.document.file)  # noqa: PTH120 - a path in the project, always with /
    return os.path.normpath(os.path.join(folder, declared["csv"])).replace(os.sep, "/")  # noqa: PTH118
