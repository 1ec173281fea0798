"""What a finished training job has left behind: the model by its hash, its metrics, and whether it is good enough."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final, TypeVar

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.retraining import MODEL_EXTENSION, Retraining
from retrainctl.ports import AuthFailed, BlobStore, Conflict, JobBlob, JobStatus, Rejected
from retrainctl.retrain.evaluation import LARGEST, Evaluation, EvaluationUnreadable, read_evaluation
from retrainctl.retrain.gates import GateResult, References, judge

_EXPIRED: Final = "RC655"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A new model. `uri` is where the service says it wrote it, `size` in bytes."""

    uri: str
    sha256: str
    etag: str | None
    size: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    evaluation: str | None = None

    @property
    def accepted(self) -> bool:
        return all(gate.passed for gate in self.gates)

    def as_json(self) -> dict[str, Any]:
        return {
            "uri": self.uri,
            "sha256": self.sha256,
            "etag": self.etag,
            "size": self.size,
            "metrics": dict(self.metrics),
            "gates": [
                {"metric": gate.metric, "passed": gate.passed, "reason": gate.reason, "value": gate.value}
                for gate in self.gates
            ],
            "evaluation": self.evaluation,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        gates = tuple(
            GateResult(metric=g["metric"], passed=g["passed"], reason=g["reason"], value=g["value"])
            for g in data["gates"]
        )
        return cls(**{**data, "gates": gates})


def collect(retraining: Retraining, status: JobStatus, store: BlobStore, references: References) -> Outcome:
    """Reads the results of a finished job and judges them.

    Raises:
        TargetError: a result that cannot be read now; asking the job again gives a fresh signature.
    """
    model = _result(status, retraining.model_port)
    sha256, etag, size = _hashed(store, model)
    evaluation, place = Evaluation(), None
    if retraining.evaluation_port is not None:
        blob = _result(status, retraining.evaluation_port)
        place = blob.uri
        evaluation = _evaluation(store, blob, retraining.row)
    return Outcome(
        uri=model.uri,
        sha256=sha256,
        etag=etag,
        size=size,
        metrics=evaluation.metrics,
        gates=judge(retraining.gates, evaluation, references),
        evaluation=place,
    )


def marker_of(model: str) -> str:
    """The blob beside a model that says why it was not taken: its number is used up, its bytes stay."""
    return f"{model.removesuffix(MODEL_EXTENSION)}.rejected.json"


def mark(store: BlobStore, model: str, why: Mapping[str, Any]) -> str | None:
    """Writes the marker beside a model that was not taken; gives why it could not be written, if so."""
    data = json.dumps(why, ensure_ascii=False, indent=2).encode()
    try:
        store.create(marker_of(model), io.BytesIO(data), len(data))
    except Conflict:
        return None
    except RetrainctlError as error:
        return f"the reason could not be written beside the model: {error.message}"
    return None


def _result(status: JobStatus, port: str) -> JobBlob:
    found = status.results.get(port)
    if found is None:
        there = ", ".join(sorted(status.results)) or "none"
        raise Rejected(
            f"the job finished without a result at output port {port}; it has {there}",
            code="RC616",
            hint="Port names are compared with case: correct `outputs`.",
            sent=False,
        )
    return found


def _evaluation(store: BlobStore, blob: JobBlob, row: int | None) -> Evaluation:
    """What cannot be read as an evaluation has no metrics, and says why for every gate."""
    try:
        return read_evaluation(_reading(blob, lambda uri: _bytes(store, uri)), row)
    except EvaluationUnreadable as error:
        return Evaluation(unreadable=error.message)


def _hashed(store: BlobStore, blob: JobBlob) -> tuple[str, str | None, int]:
    """SHA-256, ETag and size of a blob, all of one version of it."""

    def read(uri: str) -> tuple[str, str | None, int]:
        facts = store.facts(uri)
        if not facts.size:
            raise Rejected(f"the model {blob.uri} is empty", code="RC667", hint="Retrain it.", sent=False)
        digest, size = hashlib.sha256(), 0
        for piece in store.read(uri, etag=facts.etag):
            digest.update(piece)
            size += len(piece)
        if size != facts.size:
            raise Conflict(f"{blob.uri} ended after {size:,} of {facts.size:,} bytes", code="RC657", sent=False)
        return digest.hexdigest(), facts.etag, size

    return _reading(blob, read)


def _bytes(store: BlobStore, uri: str) -> bytes:
    facts = store.facts(uri)
    if facts.size > LARGEST:
        raise EvaluationUnreadable(f"the evaluation has {facts.size:,} bytes; it should be one row of metrics")
    return b"".join(store.read(uri, etag=facts.etag))


def _reading(blob: JobBlob, read: Callable[[str], _T]) -> _T:
    """Reads with the signature that the job gave; one that has ended is asked for anew, one that is not accepted gives
    way to our own credentials."""
    if blob.sas is None:
        return read(blob.uri)
    try:
        return read(f"{blob.uri}?{blob.sas.reveal()}")
    except AuthFailed as error:
        if error.code == _EXPIRED:
            raise
        return read(blob.uri)
