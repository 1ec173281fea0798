"""Builders: a value with sensible defaults, so that a test names only what it is about."""

from __future__ import annotations

from typing import Any

from retrainctl.diagnostics import Span
from retrainctl.model.address import Address
from retrainctl.model.resource import Applied, AppliedSlot, Desired, Observed, SlotState
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.plan.build import Inputs, build
from retrainctl.ports import Reading

SLOT = "Census [trained model]"
BLOBS = "https://acct.blob.core.windows.net/models"


def version(number: int = 1, model: str = "census", **more: Any) -> ModelVersion:
    more.setdefault("uri", f"{BLOBS}/{model}/{number}.ilearner")
    return ModelVersion(model=model, version=number, **more)


def line(*versions: ModelVersion) -> dict[str, ModelLine]:
    return {versions[0].model: ModelLine(name=versions[0].model, versions=versions)}


def service(name: str = "census", slot_version: ModelVersion | None = None, **fields: Any) -> Desired:
    return Desired(
        address=Address("WebService", name),
        place={"name": name, "resourceGroup": "local"},
        fields=fields,
        slots={} if slot_version is None else {SLOT: slot_version},
        origin=Span("manifests/census.yaml", 1, 1),
        spans={("models", SLOT): Span("manifests/census.yaml", 7, 12)},
    )


def seen(name: str = "census", uri: str | None = None, **fields: Any) -> Observed:
    return Observed(
        address=Address("WebService", name),
        identity=f"/memory/WebService/{name}",
        fields=fields,
        slots={} if uri is None else {SLOT: SlotState(uri=uri)},
        fingerprint="sha256:" + "0" * 64,
        document=fields,
    )


def wrote(name: str = "census", uri: str | None = None, created: bool = False, **fields: Any) -> Applied:
    return Applied(
        address=Address("WebService", name),
        fields=fields,
        slots={} if uri is None else {SLOT: AppliedSlot(uri=uri)},
        created=created,
    )


def plan_of(desired, target, applied=None, models=None, **more: Any):
    """Plans against a memory target that stands for `arm`."""
    inputs = Inputs(
        environment="test",
        targets={"arm": "memory"},
        desired=desired,
        models=models or {},
        readings={"arm": target.read(desired) if hasattr(target, "read") else target},
        applied=applied or {},
        planners={"arm": target if hasattr(target, "judge") else None},
        secret_hash=lambda ref, address: f"hash of {ref}",
        created_at="2026-11-20T00:00:00Z",
        version="0.1.0",
        **more,
    )
    return build(inputs)


__all__ = ["BLOBS", "SLOT", "Reading", "line", "plan_of", "seen", "service", "version", "wrote"]
