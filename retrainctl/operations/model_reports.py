"""Model files looked into, compared and scored: each answer as JSON data, from which the text forms are made too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrainctl.operations.row_files import read_definition, read_rows


def inspected(name: str, path: Path) -> dict[str, Any]:
    """What a file is. Raises `IlearnerError`."""
    from retrainctl.ilearner.inspection import inspect_file

    return {"name": name, **inspect_file(path).to_json()}


def compared(names: tuple[str, str], before: Path, after: Path) -> dict[str, Any]:
    """What changes from one file to the other, and what a service that fits the first has to fear. The weights are
    compared where both are Studio models. Raises `IlearnerError`."""
    from retrainctl.ilearner.compare import changed_findings, compare, compare_summaries
    from retrainctl.ilearner.files import kind_of
    from retrainctl.ilearner.inspection import inspect_file
    from retrainctl.ilearner.reader import read_model_file
    from retrainctl.ilearner.sniff import FileKind

    if FileKind.ONNX in (kind_of(before), kind_of(after)):
        comparison = compare_summaries(inspect_file(before), inspect_file(after))
    else:
        comparison = compare(read_model_file(before), read_model_file(after))
    document = comparison.to_json()
    for side, name in zip(("before", "after"), names, strict=True):
        document[side] = {"name": name, **document[side]}  # type: ignore[dict-item]
    return {**document, "findings": [finding.to_json() for finding in changed_findings(comparison)]}


def scored(path: Path, *, rows: Path | None, definition: Path | None, transformed: bool) -> dict[str, Any]:
    """Rows with their scores, and what must be said beside them.

    Args:
        path: the model.
        rows: a file of rows; without it, the example request of `definition`.
        definition: of the service that uses the model: rows have its input columns, and what it does to them before
            the model is followed as far as it can be.
        transformed: rows have the model's own columns, as they leave the service's modules.

    Raises:
        IlearnerError: the model cannot be scored, or its rows do not fit.
        RetrainctlError: a file that cannot be read.
    """
    from retrainctl.ilearner.scorer import load_scorer_file
    from retrainctl.ilearner.service import read_service
    from retrainctl.ilearner.serving import score_service

    service = None if definition is None else read_service(read_definition(definition))
    scorer = load_scorer_file(path)
    own = [column.name for column in scorer.input_columns]
    columns = own if service is None or transformed else [column.source for column in service.columns]
    port = None if service is None else service.port
    given = None if rows is None else read_rows(rows, port=port, columns=columns)
    if service is not None:
        result = score_service(service, scorer, given, transformed=transformed)
        taken = {*own, *(column.name for column in service.columns), *(given[0] if given and transformed else ())}
        merged = list(result.rows)
        notes = result.notes
    else:
        assert given is not None
        scores = scorer.evaluate(given)
        taken = set().union(*given)
        merged = [{**row, **score} for row, score in zip(given, scores.rows, strict=True)]
        notes = scores.notes
    first = merged[0] if merged else {}
    return {
        "rows": merged,
        "scores": [name for name in first if name not in taken or name.startswith("Scored ")],
        "notes": list(notes),
    }
