"""Rows to score as people have them: CSV with a header, JSON rows, or the body of a scoring request."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retrainctl.errors import RetrainctlError

_LARGEST: Final = 256 * 1024 * 1024
_NEXT: Final = "Give CSV with a header, a JSON list of objects, or the body of a scoring request."

Row = Mapping[str, object]


def read_rows(path: Path, *, port: str | None = None, columns: Sequence[str] | None = None) -> list[Row]:
    """The rows of a file, by column name.

    Args:
        path: `.json` is read as JSON, anything else as CSV.
        port: which input of a scoring request is meant; default: the only one.
        columns: names in the order of the input schema, for rows that are given as bare lists of values.

    Raises:
        RetrainctlError: RC005 when the file cannot be read, RC661 when it holds no rows.
    """
    try:
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise _bad(path, f"it is larger than {_LARGEST // 2**20} MiB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RetrainctlError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise _bad(path, f"it is not UTF-8 text ({error.reason})") from error
    if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{"):
        return _from_json(path, text, port, columns)
    return _from_csv(path, text)


def read_predictions(path: Path) -> list[Row]:
    """The file of a batch endpoint, which has no names: the number of the row, what was predicted, the file it is from.

    Raises:
        RetrainctlError: RC005 when the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except OSError as error:
        raise RetrainctlError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
        ) from error
    width = max((len(line) for line in lines), default=3)
    predictions = ["prediction"] if width == 3 else [f"prediction {number}" for number in range(1, width - 1)]
    names = ("row", *predictions, "file")
    return [dict(zip(names, line, strict=False)) for line in lines]


def read_definition(path: Path) -> Mapping[str, Any]:
    """A web service's definition. Raises `RetrainctlError` (RC005, RC662)."""
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise RetrainctlError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise RetrainctlError(
            f"{path} is not JSON: {error}", code="RC662", hint="Give an exported definition."
        ) from error
    if not isinstance(found, dict):
        raise RetrainctlError(f"{path} is not a definition", code="RC662", hint="Give an exported definition.")
    return found


def _bad(path: Path, why: str) -> RetrainctlError:
    return RetrainctlError(f"no rows can be read from {path}: {why}", code="RC661", hint=_NEXT)


def _from_csv(path: Path, text: str) -> list[Row]:
    head = text.partition("\n")[0]
    # Excel writes semicolons where the decimal sign is a comma.
    mark = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        names = next(reader, [])
        if not any(names):
            raise _bad(path, "it is empty")
        if len(set(names)) != len(names):
            raise _bad(path, "two columns have the same name")
        rows: list[Row] = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                raise _bad(path, f"line {reader.line_num} has {len(cells)} cells, the header has {len(names)}")
            rows.append(dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise _bad(path, f"line {reader.line_num}: {error}") from error
    if not rows:
        raise _bad(path, "there is nothing below its header")
    return rows


def _from_json(path: Path, text: str, port: str | None, columns: Sequence[str] | None) -> list[Row]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"it is not JSON: {error}") from error
    if isinstance(found, dict) and (inputs := _member(found, "inputs")) is not None:
        found = _input(path, inputs, port)
    elif isinstance(found, dict) and isinstance(table := _member(found, "input_data", "dataframe_split"), dict):
        found = table
    if isinstance(found, dict):
        names, values = _member(found, "columnnames", "columns"), _member(found, "values", "data")
        if isinstance(names, list) and isinstance(values, list):
            found, columns = values, [str(name) for name in names]
        else:
            found = [found]  # one row by itself
    if not isinstance(found, list) or not found:
        raise _bad(path, "a list of rows is expected")
    return [_row(path, number, entry, columns) for number, entry in enumerate(found, 1)]


def _input(path: Path, inputs: Any, port: str | None) -> Any:
    if not isinstance(inputs, dict) or not inputs:
        raise _bad(path, "its `Inputs` hold nothing")
    if port is not None and port in inputs:
        return inputs[port]
    if len(inputs) > 1:
        raise _bad(path, f"it has several inputs: {', '.join(map(str, inputs))}")
    return next(iter(inputs.values()))


def _row(path: Path, number: int, entry: Any, columns: Sequence[str] | None) -> Row:
    if isinstance(entry, dict):
        return entry
    if isinstance(entry, list) and columns is not None and len(entry) == len(columns):
        return dict(zip(columns, entry, strict=True))
    if isinstance(entry, list) and columns is not None:
        raise _bad(path, f"row {number} has {len(entry)} values, there are {len(columns)} columns")
    raise _bad(path, f"row {number} names no columns")


def _member(tree: Mapping[str, Any], *names: str) -> Any:
    return next((value for name, value in tree.items() if name.lower() in names), None)
