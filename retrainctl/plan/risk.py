"""What every target's model moves have in common to be wary of."""

from __future__ import annotations

from collections.abc import Iterator

from retrainctl.model.change import ModelChange, ResourceChange, Risk, Severity
from retrainctl.model.metrics import BETTER_WHEN
from retrainctl.model.resource import Applied, Knowledge


def model_risks(change: ResourceChange, applied: Applied | None) -> Iterator[Risk]:
    """Risks of the model moves of one change, target-independent."""
    for move in change.models:
        yield from _move_risks(move, applied)


def _move_risks(move: ModelChange, applied: Applied | None) -> Iterator[Risk]:
    old, new = move.before, move.after
    where = f'slot "{move.slot}"'
    if old is not None and old.model == new.model and old.version > new.version:
        yield Risk(
            code="version-goes-back",
            severity=Severity.DANGER,
            message=f"{where} goes back from {old.label} to {new.label}",
        )
    if old is not None and old.model != new.model:
        yield Risk(code="other-model", message=f"{where} changes from model {old.model} to model {new.model}")
    written = applied.slots.get(move.slot) if applied is not None else None
    if (
        written is not None
        and written.sha256
        and new.sha256
        and written.uri == new.uri
        and written.sha256 != new.sha256
    ):
        yield Risk(
            code="same-version-other-bytes",
            severity=Severity.DANGER,
            message=f"{where}: the blob of {new.label} has other bytes than the ones that were applied",
            hint="Give every trained model a blob and a version of its own.",
        )
    if move.knowledge is Knowledge.UNKNOWN:
        yield Risk(
            code="former-model-unknown",
            severity=Severity.NOTE,
            message=f"{where}: what it serves now cannot be read and was not written by retrainctl",
        )
    if not new.metrics:
        yield Risk(code="not-gated", severity=Severity.NOTE, message=f"{new.label} has no recorded metrics")
    elif old is not None and old.metrics:
        yield from _worse(move)


def _worse(move: ModelChange) -> Iterator[Risk]:
    assert move.before is not None
    for name, value in move.after.metrics.items():
        former, direction = move.before.metrics.get(name), BETTER_WHEN.get(name.casefold())
        if former is None or direction is None:
            continue
        if (value < former) if direction == "higher" else (value > former):
            yield Risk(
                code="metric-worse",
                message=f"{move.after.label}: {name} gets worse, from {former:g} to {value:g}",
            )
