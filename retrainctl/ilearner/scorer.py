"""The one door for files of any supported kind: what is it, and what does it say about these rows?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from retrainctl.ilearner.files import kind_of, load_bytes
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.model import Model
from retrainctl.ilearner.notes import row_notes
from retrainctl.ilearner.reader import read_model, read_model_file
from retrainctl.ilearner.rows import LABELS, PROBABILITIES, InputColumn, Row
from retrainctl.ilearner.scoring import input_columns, scorable, score_rows
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, sniff
from retrainctl.ilearner.summary import inspect


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One result per row, in order, and what should be said beside them.

    A result has "Scored Labels" and, where the model gives them, "Scored Probabilities". All are None in a row with a
    missing value.
    """

    rows: tuple[dict[str, object], ...]
    notes: tuple[str, ...]


class Scorer(Protocol):
    """A model that can score rows given by column name."""

    @property
    def kind(self) -> FileKind:
        """STUDIO or ONNX."""

    @property
    def input_columns(self) -> tuple[InputColumn, ...]:
        """The columns that every row must have; others are not looked at."""

    def score(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """The results alone, for callers who show no notes."""

    def evaluate(self, rows: Sequence[Row]) -> Scores:
        """The results with their notes."""


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

    def evaluate(self, rows: Sequence[Row]) -> Scores:
        """As `Scorer.evaluate`."""
        scores = self.score(rows)
        return Scores(rows=tuple(scores), notes=row_notes(inspect(self.model).columns, rows, scores))


class OnnxScorer:
    """Scores an ONNX model with ONNX Runtime."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        from retrainctl.ilearner.onnx_scoring import OnnxModel

        self.kind = FileKind.ONNX
        self.model = OnnxModel(data, limits=limits)
        self.input_columns: tuple[InputColumn, ...] = self.model.input_columns

    def score(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """As `Scorer.score`."""
        return self.model.score(rows)

    def evaluate(self, rows: Sequence[Row]) -> Scores:
        """As `Scorer.evaluate`."""
        scores = self.score(rows)
        return Scores(rows=tuple(scores), notes=row_notes(self.model.columns, rows, scores))


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
    if kind_of(path) is FileKind.ONNX:
        return OnnxScorer(load_bytes(path, limits), limits)
    return StudioScorer(read_model_file(path, limits=limits))
