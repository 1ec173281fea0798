"""The one door for files of any supported kind: what is it, and what does it say about these rows?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.model import Model
from retrainctl.ilearner.reader import read_model, read_model_file
from retrainctl.ilearner.rows import LABELS, PROBABILITIES, InputColumn, Row
from retrainctl.ilearner.scoring import input_columns, scorable, score_notes, score_rows
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, sniff
from retrainctl.ilearner.summary import Summary, inspect


class Scorer(Protocol):
    """A model that can score rows given by column name."""

    @property
    def kind(self) -> FileKind:
        """STUDIO or ONNX."""

    @property
    def input_columns(self) -> tuple[InputColumn, ...]:
        """The columns that every row must have; others are not looked at."""

    def score(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """Per row "Scored Labels" and, where the model has them, "Scored Probabilities"; None where no score is possible."""

    def notes(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """What should be said beside the scores of these rows."""


class StudioScorer:
    """Scores a Studio model with NumPy, in the file's own arithmetic."""

    def __init__(self, model: Model) -> None:
        scorable(model)
        self.kind = FileKind.STUDIO
        self.model = model
        self.input_columns: tuple[InputColumn, ...] = input_columns(model)

    def score(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """As `Scorer.score`."""
        return [{LABELS: row.label, PROBABILITIES: row.probability} for row in score_rows(self.model, rows)]

    def notes(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """As `Scorer.notes`."""
        return score_notes(self.model, rows, score_rows(self.model, rows))


class OnnxScorer:
    """Scores an ONNX model with ONNX Runtime."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        from retrainctl.ilearner.onnx_scoring import OnnxModel

        self.kind = FileKind.ONNX
        self._model = OnnxModel(data, limits=limits)
        self.input_columns: tuple[InputColumn, ...] = self._model.input_columns

    def score(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """As `Scorer.score`."""
        return self._model.score(rows)

    def notes(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """As `Scorer.notes`: rows without a score are all that an ONNX file lets us say."""
        names = [column.name for column in self.input_columns]
        empty = sum(1 for row in rows if any(row.get(name) in (None, "") for name in names))
        return (f"{empty} of {len(rows)} rows have an empty value",) if empty else ()


def load_scorer(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Scorer:
    """A scorer for a Studio model or an ONNX model, by the first bytes.

    Raises:
        IlearnerError: another kind of file, a damaged one, or a model that is not fully understood.
    """
    kind = sniff(data[:SNIFF_BYTES])
    if kind is FileKind.ONNX:
        return OnnxScorer(data, limits)
    return StudioScorer(read_model(data, limits=limits))


def load_scorer_file(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Scorer:
    """As `load_scorer`, from a file; a Studio file is read through a window."""
    if _kind_of(path) is FileKind.ONNX:
        return OnnxScorer(_load(path, limits), limits)
    return StudioScorer(read_model_file(path, limits=limits))


def inspect_bytes(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Summary:
    """The summary of a Studio or an ONNX model, by the first bytes.

    Raises:
        IlearnerError: another kind of file, or a damaged one.
    """
    if sniff(data[:SNIFF_BYTES]) is FileKind.ONNX:
        from retrainctl.ilearner.onnx_scoring import inspect_onnx

        return inspect_onnx(data)
    return inspect(read_model(data, limits=limits))


def inspect_file(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Summary:
    """As `inspect_bytes`, from a file; a Studio file is read through a window."""
    if _kind_of(path) is FileKind.ONNX:
        return inspect_bytes(_load(path, limits), limits=limits)
    return inspect(read_model_file(path, limits=limits))


def _kind_of(path: str | os.PathLike[str]) -> FileKind:
    return sniff(_read(path, SNIFF_BYTES))


def _load(path: str | os.PathLike[str], limits: Limits) -> bytes:
    data = _read(path, limits.pickup_bytes + 1)
    if len(data) > limits.pickup_bytes:
        raise IlearnerError(f"more than {limits.pickup_bytes} bytes", offset=0, code="RC706")
    return data


def _read(path: str | os.PathLike[str], most: int) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise IlearnerError(
            f"{os.fspath(path)} cannot be read: {error.strerror or error}", code="RC709", hint="Check path and rights."
        ) from error


