"""Answers of a service as a command shows them: `--output table|json|yaml|tsv` and `--query`, as `az` users know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from retrainctl.errors import UsageError

if TYPE_CHECKING:
    from retrainctl.cli.console import Console

_NOTHING: Final = "Nothing found."


class Output(StrEnum):
    """The choices of `--output`: `tsv` has values only, for scripts."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    TSV = "tsv"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="The format.")]
Query = Annotated[
    str | None, typer.Option("--query", metavar="JMESPATH", help="Show only what this JMESPath expression picks.")
]


def show(
    console: Console,
    value: Any,
    *,
    output: Output = Output.TABLE,
    query: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> None:
    """Prints a list of objects, or one object, in Azure's members.

    Args:
        value: what the service answered, a JSON value without secrets.
        columns: heading -> JMESPath expression over one object, for the table. None, and where a query has made other
            objects: every member that is a plain value.

    Raises:
        UsageError: the query is no JMESPath expression.
    """
    if query is not None:
        value, columns = _searched(value, query), None
    match output:
        case Output.JSON:
            from retrainctl.render.escape import json_text

            text = json_text(value)
        case Output.YAML:
            text = _yaml(value)
        case Output.TSV:
            text = "\n".join("\t".join(_cell(cell, "None") for cell in row) for row in _lines(value))
        case _:
            text = _table(console, value, columns)
    console.result(text)


def check_query(query: str | None) -> None:
    """Raises `UsageError` for a bad `--query`; for commands that write first and show afterwards."""
    if query is not None:
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            jmespath.compile(query)
        except JMESPathError as error:
            raise _bad_query(query, error) from error


def _searched(value: Any, query: str) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, value)
    except JMESPathError as error:
        raise _bad_query(query, error) from error


def _bad_query(query: str, error: Exception) -> UsageError:
    why = (str(error).splitlines() or [""])[0].rstrip(":")
    return UsageError(
        f"--query {query!r}: {why}", hint="Write a JMESPath expression, for example [].name (see jmespath.org)."
    )


def _yaml(value: Any) -> str:
    from retrainctl.manifest.write import text
    from retrainctl.render.escape import visible

    # Line by line: YAML keeps its lines, and nothing else in it may act on a terminal or a CI log.
    return "\n".join(visible(line) for line in text([value]).splitlines())


def _table(console: Console, value: Any, columns: Mapping[str, str] | None) -> str:
    from retrainctl.render.table import table

    rows: Sequence[Any] = value if isinstance(value, list | tuple) else [] if value is None else [value]
    if not rows:
        return _NOTHING
    objects = [row if isinstance(row, Mapping) else {"Result": row} for row in rows]
    if columns is not None:
        picks = [_pick(expression) for expression in columns.values()]
        header = list(columns)
        cells = [[_cell(pick(row), "") for pick in picks] for row in objects]
    else:
        names = list(dict.fromkeys(n for row in objects for n, item in row.items() if not _nested(item)))
        header = [_cell(name[:1].upper() + name[1:], "") for name in names]
        cells = [[_cell(row.get(name), "") for name in names] for row in objects]
    if not header:
        return "Nothing that a table could show; use --output json."
    return "\n".join(table(header, cells, console.style, indent=0))


def _pick(expression: str) -> Callable[[Any], Any]:
    """What finds a column's value in an object; a plain member needs no JMESPath."""
    if expression.replace("_", "a").isalnum():
        return lambda row: row.get(expression)
    import jmespath

    found: Callable[[Any], Any] = jmespath.compile(expression).search
    return found


def _lines(value: Any) -> list[list[Any]]:
    """Rows of values as `az` makes them: a list gives one row per item, an object one with all of its members."""
    if value is None:
        return []
    lines: list[list[Any]] = []
    for row in value if isinstance(value, list | tuple) else [value]:
        if isinstance(row, Mapping):
            lines.append(list(row.values()))
        else:
            lines.append(list(row) if isinstance(row, list | tuple) else [row])
    return lines


def _nested(item: Any) -> bool:
    return isinstance(item, Mapping | list | tuple)


def _cell(item: Any, nothing: str) -> str:
    from retrainctl.render.escape import visible

    if item is None:
        return nothing
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, Mapping):
        return ", ".join(f"{visible(str(name))}={_cell(below, nothing)}" for name, below in item.items())
    if isinstance(item, list | tuple):
        return ", ".join(_cell(below, nothing) for below in item)
    return visible(str(item))
