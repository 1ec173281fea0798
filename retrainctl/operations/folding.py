"""What was found, and many endpoints of one pattern as one manifest with a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from retrainctl.fastclass import dataclass

FEWEST: Final = 3
"""So many endpoints make a pattern."""

_NUMBERED: Final = re.compile(r"(?P<prefix>.*?[^0-9])(?P<id>[0-9]+)(?P<suffix>[^0-9]*)")
_ID: Final = "id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One resource that exists, as far as a manifest can declare it.

    kind: `WebService`, `Endpoint` ... spec: what the manifest shall say besides `models`, in order; values as the
    target has them. slots: slot name -> blob URI as read; None where a read does not tell.
    group: what it is filed under (a resource group, a Classic service).
    """

    kind: str
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, str | None] = field(default_factory=dict)
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Resources that differ only in a number of their name, and in what the columns hold.

    prefix, suffix: what stands around the number. spec: with expressions for what differs.
    columns: their names, `id` first; rows: one per resource, in the order of their names.
    """

    kind: str
    group: str
    prefix: str
    suffix: str
    spec: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    hidden: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def name(self) -> str:
        return f"{self.prefix}*{self.suffix}"

    @property
    def csv(self) -> str:
        """The rows as a CSV file."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return stream.getvalue()

    def addresses(self) -> list[str]:
        return [f"{self.kind}/{self.prefix}{row[0]}{self.suffix}" for row in self.rows]

    def document(self, file: str, behind: str = "") -> dict[str, Any]:
        """The manifest. file: the CSV file beside it. behind: what makes its names in the manifest unlike others'."""
        from retrainctl.manifest.write import manifest

        name = f"{literal(self.prefix)}{{{{ item.{_ID} }}}}{literal(self.suffix)}"
        spec = {"name": name, **self.spec} if behind else dict(self.spec)
        made = manifest(self.kind, f"{name}{behind}", spec)
        del made["spec"]
        return {**made, "forEach": {"csv": file}, "spec": spec}


def fold(found: Sequence[Found]) -> tuple[list[Folded], list[Found]]:
    """Endpoints of a common pattern folded, and everything else as it is."""
    alike: defaultdict[tuple[Any, ...], list[tuple[str, Found]]] = defaultdict(list)
    single: list[Found] = []
    for entry in found:
        match = _NUMBERED.fullmatch(entry.name) if entry.kind == "Endpoint" else None
        if match is None or any(uri is not None for uri in entry.slots.values()):
            single.append(entry)
            continue
        # What is no text cannot come from a CSV cell, so that it must be the same for all.
        fixed = tuple((key, repr(value)) for key, value in entry.spec.items() if not isinstance(value, str))
        shape = (entry.group, match["prefix"], match["suffix"], tuple(entry.spec), fixed, tuple(entry.slots))
        alike[shape].append((match["id"], entry))
    folded = []
    for members in alike.values():
        if len(members) < FEWEST:
            single += [entry for _, entry in members]
        else:
            folded.append(_fold(members))
    return folded, sorted(single, key=lambda entry: (entry.group, entry.kind, entry.name))


def _fold(members: Sequence[tuple[str, Found]]) -> Folded:
    first = members[0][1]
    match = _NUMBERED.fullmatch(first.name)
    assert match is not None
    spec: dict[str, Any] = {}
    columns: dict[str, list[str]] = {_ID: [number for number, _ in members]}
    for key, value in first.spec.items():
        values = [entry.spec[key] for _, entry in members]
        if all(other == value for other in values):
            spec[key] = plain(value)
        elif (pattern := _pattern(values, columns[_ID])) is not None:
            spec[key] = pattern
        else:
            columns[key] = [str(other) for other in values]
            spec[key] = f"{{{{ item.{key} }}}}"
    return Folded(
        kind=first.kind,
        group=first.group,
        prefix=match["prefix"],
        suffix=match["suffix"],
        spec=spec,
        columns=list(columns),
        rows=list(zip(*columns.values(), strict=True)),
        hidden=tuple(first.slots),
    )


def _pattern(values: Sequence[str], numbers: Sequence[str]) -> str | None:
    """One text with the number as an expression that gives every value; None where there is none."""
    before, number, behind = values[0].partition(numbers[0])
    if not number:
        return None
    fits = all(value == f"{before}{own}{behind}" for value, own in zip(values, numbers, strict=True))
    return f"{literal(before)}{{{{ item.{_ID} }}}}{literal(behind)}" if fits else None


def plain_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The members with every text safe from being read as an expression."""
    return {key: plain(value) for key, value in spec.items()}


def plain(value: Any) -> Any:
    """A value, foreign texts in it `literal`."""
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, Mapping):
        return {literal(str(name)): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def literal(text: str) -> str:
    """Foreign text as a manifest must write it: `{{` of its own is no expression."""
    return text.replace("{{", "{{ '{{' }}") if "{{" in text else text


def one_line(text: str) -> str:
    """Foreign text for a comment: nothing in it can end the line or hide."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def fields_of(names: Iterable[str], source: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """The members of `source` by the names that a manifest has for them (`known`: theirs -> ours); empty ones not."""
    return {known[name]: source[name] for name in names if source.get(name) not in (None, "", {}, [])}
