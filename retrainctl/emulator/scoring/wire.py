"""Tables as the services API writes them in JSON (classic-api.md 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from retrainctl.emulator.scoring.dialect import bad_argument, bad_input

if TYPE_CHECKING:
    from retrainctl.emulator.training.table import Table

_PARSING: Final = (
    "Parsing of input vector failed. Verify the input vector has the correct number of columns and data types. "
    "Additional details: "
)
_NUMBERS: Final = frozenset({"integer", "number"})


def read_inputs(given: Any, wanted: Sequence[str], schemas: Mapping[str, Any]) -> dict[str, Table]:
    """The tables of a request's `Inputs`.

    Args:
        wanted: the service's input ports.
        schemas: `input.properties` of the definition.

    Raises:
        Refusal: a port that is missing or unknown, or a table of another form.
    """
    inputs = {} if given is None else given
    if not isinstance(inputs, dict):
        raise bad_argument("RequestBodyInvalid", "Inputs must be an object.")
    if unknown := [name for name in inputs if name not in wanted]:
        raise bad_argument(
            "InvalidInputNames", f"Invalid service input name(s) specified in the request: {', '.join(unknown)}."
        )
    if lacking := [name for name in wanted if name not in inputs]:
        raise bad_argument("MissingRequestInput", f"The request has no input {', '.join(lacking)}.")
    return {port: _table(inputs[port], _columns(schemas, port)) for port in wanted}


def _columns(schemas: Mapping[str, Any], port: str) -> dict[str, str]:
    """Column to type, in lower case; nothing for a port without a schema."""
    schema = schemas.get(port)
    columns = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(columns, Mapping):
        return {}
    return {name: str(column.get("type", "")).lower() for name, column in columns.items()}


def _table(given: Any, columns: Mapping[str, str]) -> Table:
    from retrainctl.emulator.training.table import Table

    names, rows = _rows(given)
    if lacking := [name for name in columns if name not in names]:
        raise bad_input("InputMismatchError", f"{_PARSING}the columns {', '.join(lacking)} are missing.")
    if any(len(row) != len(names) for row in rows):
        raise bad_input("InputParseError", f"{_PARSING}all rows must have {len(names)} values.")
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    values = [_column(name, held, columns.get(name)) for name, held in zip(names, cells, strict=True)]
    return Table(names=tuple(names), columns=tuple(values))


def _rows(given: Any) -> tuple[list[str], list[Sequence[Any]]]:
    """Either form: `{ColumnNames, Values}`, or a list of records (`format=swagger`)."""
    if isinstance(given, dict) and isinstance(given.get("ColumnNames"), list):
        names, rows = given["ColumnNames"], given.get("Values")
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise bad_input("InputParseError", f"{_PARSING}Values must be a list of rows.")
        if len(set(map(str, names))) != len(names):
            raise bad_input("InputParseError", f"{_PARSING}the column names must be unique.")
        return [str(name) for name in names], rows
    records = [given] if isinstance(given, dict) else given
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise bad_input("InputParseError", f"{_PARSING}an input is ColumnNames and Values, or a list of records.")
    names = list(dict.fromkeys(str(name) for record in records for name in record))
    return names, [[record.get(name) for name in names] for record in records]


def _column(name: str, cells: Sequence[Any], kind: str | None) -> Any:
    from retrainctl.emulator.training.table import column_of, objects, show

    if any(isinstance(cell, (dict, list)) for cell in cells):
        raise bad_input("InputParseError", f"{_PARSING}the column {name} holds values that are no scalars.")
    if kind in _NUMBERS:
        values = column_of([cell.strip() if isinstance(cell, str) else cell for cell in cells])
        if values.dtype.kind != "f":
            raise bad_input("InputParseError", f"{_PARSING}the column {name} must be numeric.")
        return values
    if kind is None:
        return column_of(cells)
    return objects([None if cell is None or cell == "" else show(cell) for cell in cells])


def write_table(table: Table, *, details: bool, swagger: bool) -> Any:
    """A result: with column types when asked for details, or as records. Values are texts, as the service sent them."""
    shown = [[_shown(value) for value in column.tolist()] for column in table.columns]
    rows = [list(row) for row in zip(*shown, strict=True)]
    if swagger:
        return [dict(zip(table.names, row, strict=True)) for row in rows]
    value: dict[str, Any] = {"ColumnNames": list(table.names)}
    if details:
        value["ColumnTypes"] = ["Numeric" if table.numeric(i) else "String" for i in range(len(table.names))]
    return {"type": "table", "value": value | {"Values": rows}}


def _shown(value: Any) -> str | None:
    from retrainctl.emulator.training.table import show

    return None if value is None or value != value else show(value)
