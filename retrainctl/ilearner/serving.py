"""Scores the way a web service would, as far as its graph can be followed, and says how far that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.model import printable
from retrainctl.ilearner.rows import Row
from retrainctl.ilearner.scorer import Scorer
from retrainctl.ilearner.service import Service
from retrainctl.ilearner.summary import count, listing


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceScores:
    """Scored rows: the columns as the model saw them, then the scores. `notes` must be shown with them."""

    rows: tuple[dict[str, object], ...]
    notes: tuple[str, ...]


def score_service(
    service: Service, scorer: Scorer, rows: Sequence[Row] | None = None, *, transformed: bool = False
) -> ServiceScores:
    """Score rows given by input column (default: the service's example request).

    With `transformed`, rows are given by the model's own column names, with the values that leave the service's
    modules; then nothing stands between them and the model.

    Raises:
        IlearnerError: RC723 without rows; RC724 when modules that are not run here stand before a model with numeric
            columns: their output is needed, and a score without it would be a wrong number.
    """
    given = service.example if rows is None else rows
    if rows is None and not given:
        raise IlearnerError("the definition has no example request", code="RC723", hint="Give rows with --input.")
    if transformed:
        return _scored(scorer, [dict(row) for row in given], ["rows taken as they leave the service's own modules"])
    numeric = [column.name for column in scorer.input_columns if column.numeric]
    if service.steps and numeric:
        raise IlearnerError(
            f"the service passes its rows through {_words(service)} before the model, which takes "
            f"{count(len(numeric), 'numeric column')} ({listing(numeric)}): what leaves there is not known here, "
            "and a score of the raw values would be wrong",
            code="RC724",
            hint="Give the rows as they leave the transformation, by the model's column names (--transformed).",
        )
    notes = [_not_run(step.module, step.files) for step in service.steps]
    if not service.traced:
        notes.append(
            "the way from the input to the model could not be followed: columns are taken by their input names"
        )
    return _scored(scorer, [service.renamed(row) for row in given], notes)


def _words(service: Service) -> str:
    return listing([step.module + (f" with {', '.join(step.files)}" if step.files else "") for step in service.steps])


def _not_run(module: str, files: tuple[str, ...]) -> str:
    if any(name.endswith("(.itransform)") for name in files):
        return (
            f"{printable(module)} with {listing(list(files))} cannot be read and was not applied: "
            "text columns, all that this model takes, are taken to pass it unchanged"
        )
    return f"{printable(module)} was not run: the service itself may score other rows or values"


def _scored(scorer: Scorer, rows: list[dict[str, object]], notes: list[str]) -> ServiceScores:
    scores = scorer.evaluate(rows)
    return ServiceScores(
        rows=tuple({**row, **score} for row, score in zip(rows, scores.rows, strict=True)),
        notes=(*notes, *scores.notes),
    )
