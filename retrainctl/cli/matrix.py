"""`plan --env A --env B`: several environments as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from retrainctl.cli import planning
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import InvalidInput, RetrainctlError, UsageError

if TYPE_CHECKING:
    from retrainctl.operations.matrix import Column
    from retrainctl.operations.planning import PlanOptions


def show(
    context: typer.Context,
    environments: Sequence[str],
    project: Path,
    var: list[str] | None,
    wanted: PlanOptions,
    output: str,
    files: Mapping[str, Path | None],
    *,
    snapshot: Path | None = None,
    budget: str | None = None,
    detailed: bool,
    read_models: bool = False,
    keep_copies: bool = True,
) -> int:
    """Plans every environment and shows one table. One that cannot be planned is a column that says why.

    snapshot: a path in which `{env}` stands for the environment's name.
    The exit code is that of the worst environment: 1 not planned, 3 blocked, 2 changes with `detailed`.
    """
    from retrainctl.operations.matrix import Column, declared_versions, matrix
    from retrainctl.render.formats import cleaned
    from retrainctl.render.matrix import matrix_json, matrix_markdown, matrix_text

    if len(set(environments)) < len(environments):
        raise UsageError("the same --env stands twice")
    if snapshot is not None and "{env}" not in str(snapshot):
        raise UsageError(
            "several environments need a snapshot each", hint="Write --snapshot 'snapshots/{env}': {env} is its name."
        )
    console = Console.of(context)
    columns: list[Column] = []
    for name in environments:
        try:
            session = Session.open(context, name, project, var, copies=keep_copies)
            place = None if snapshot is None else Path(str(snapshot).replace("{env}", name))
            _, document = planning.plan_now(session, wanted, place, read_models=read_models, keep_copies=keep_copies)
        except RetrainctlError as error:
            columns.append(Column(environment=name, failure=_told(error, console)))
            continue
        columns.append(
            Column(
                environment=name,
                document=document,
                declared=declared_versions(
                    [one for one in session.loaded.desired if wanted.selection.takes(one.address)]
                ),
            )
        )
    found = matrix(columns)
    data: Mapping[str, Any] = {
        "columns": [
            {"environment": c.environment, "document": c.document, "failure": c.failure} for c in found.columns
        ],
        "rows": [{"address": row.address, "cells": row.cells} for row in found.rows],
        "same": found.same,
    }
    data = cleaned(data, console.redactor)
    forms = {
        "text": lambda: matrix_text(data, console.style),
        "md": lambda: matrix_markdown(data, budget),
        "json": lambda: matrix_json(data),
    }
    for form, path in files.items():
        if path is not None:
            console.save(path, forms[form]())
    console.result(forms[output]())
    return _exit_code(columns, detailed=detailed)


def _told(error: RetrainctlError, console: Console) -> str:
    """Shows the findings, as they are too many for a cell, and gives the sentence for it."""
    if not isinstance(error, InvalidInput) or not error.diagnostics:
        return f"{error.code}: {error.message}"
    from retrainctl.cli.findings import shown

    console.message(shown(error.diagnostics, console).rstrip("\n"))
    first = error.diagnostics[0]
    more = f" (and {len(error.diagnostics) - 1} more)" if len(error.diagnostics) > 1 else ""
    return f"{first.code}: {first.message}{more}"


def _exit_code(columns: Sequence[Column], *, detailed: bool) -> int:
    documents = [column.document for column in columns]
    if any(document is None for document in documents):
        return Exit.ERROR
    if any(document is not None and document.get("applyable") is False for document in documents):
        return Exit.BLOCKED
    changed = any(document is not None and document["resource_changes"] for document in documents)
    return Exit.CHANGES if detailed and changed else Exit.DONE
