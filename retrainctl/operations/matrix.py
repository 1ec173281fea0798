"""Several environments side by side: for every resource what each declares, and what an apply would change there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from retrainctl.fastclass import dataclass
from retrainctl.model.resource import Desired


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One environment: its plan as a document, or why there is none. declared: address -> slot -> `model@version`."""

    environment: str
    document: Mapping[str, Any] | None = None
    declared: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One resource: per environment, in the order of the columns, one of

    None: not declared there, and nothing changes. Else `declared`, slot -> `model@version`, and `change`, the entry of
    `resource_changes`, where something changes.
    """

    address: str
    cells: tuple[Mapping[str, Any] | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the environments declare different versions, or some do not declare it at all."""
        declared = [None if cell is None else cell["declared"] for cell in self.cells]
        return any(other != declared[0] for other in declared)

    @property
    def changes(self) -> bool:
        return any(cell is not None and cell["change"] is not None for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """rows: resources that change somewhere or are declared differently, by address; `same` counts the others."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    same: int


def declared_versions(desired: Sequence[Desired]) -> dict[str, dict[str, str]]:
    """Address -> slot -> `model@version`."""
    return {str(one.address): {slot: version.label for slot, version in one.slots.items()} for one in desired}


def matrix(columns: Sequence[Column]) -> Matrix:
    """Lays the columns side by side."""
    changes = [
        {str(entry["address"]): entry for entry in (column.document or {}).get("resource_changes", ())}
        for column in columns
    ]
    addresses = sorted({address for column in columns for address in column.declared}.union(*changes))
    rows = []
    planned = [at for at, column in enumerate(columns) if column.document is not None]
    for address in addresses:
        cells: list[Mapping[str, Any] | None] = []
        for column, changed in zip(columns, changes, strict=True):
            known = address in column.declared or address in changed
            cells.append(
                {"declared": column.declared.get(address, {}), "change": changed.get(address)} if known else None
            )
        row = Row(address=address, cells=tuple(cells))
        compared = Row(address=address, cells=tuple(cells[at] for at in planned)) if planned else row
        if row.changes or compared.differs:
            rows.append(row)
    return Matrix(columns=tuple(columns), rows=tuple(rows), same=len(addresses) - len(rows))
