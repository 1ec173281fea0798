"""The live services: whether they can be read, what kind they are, where they are, and what a plan says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrainctl.definition.slots import is_training
from retrainctl.diagnostics import Severity
from retrainctl.errors import RetrainctlError
from retrainctl.model.resource import Desired, Observed
from retrainctl.operations.doctoring.report import Fact, NotApplicable, Patient, Said, of_error, problem
from retrainctl.operations.doctoring.subscription import folded
from retrainctl.ports import TargetError
from retrainctl.targets.classic.reading import default_of, find_service


def kinds(patient: Patient) -> Iterator[Said]:
    """Flavour, kind, region and state of every declared resource."""
    if not patient.loaded.desired:
        raise NotApplicable("no resource is declared")
    for reading in patient.readings.values():
        if isinstance(reading, RetrainctlError):
            yield of_error(reading)
    for desired, live in patient.live():
        if isinstance(live, TargetError):
            yield of_error(live)
        elif live is None:
            yield Fact(f"{desired.address}: not there yet")
        else:
            yield from _one(desired, live)


def trainers(patient: Patient) -> Iterator[Said]:
    """Whether what retraining runs is a training service."""
    if not patient.loaded.retrainings:
        raise NotApplicable("no Retraining is declared")
    told: set[tuple[str, str]] = set()
    for retraining in patient.loaded.retrainings:
        service = retraining.spec.get("trainingService")
        if not isinstance(service, dict) or len(service) != 1:
            continue
        ((target, name),) = service.items()
        if (target, str(name)) in told:
            continue
        told.add((target, str(name)))
        address = f"Retraining/{retraining.name}"
        try:
            found = _trains(patient, target, str(name))
        except TargetError as error:
            finding = of_error(error)
            yield problem(finding.code, f"{address}: {finding.message}", finding.hint, address=address)
            continue
        if found is False:
            yield problem("RC929", f'{address}: "{name}" is a predictive service; it trains nothing', address=address)
        elif found:
            yield Fact(f'training service "{name}" ({target})')


def planning(patient: Patient) -> Iterator[Said]:
    """Slots, names and limits: everything that a plan refuses, and the guards that would stop it."""
    if any(finding.severity is Severity.ERROR for finding in patient.loaded.diagnostics):
        raise NotApplicable("the manifests have errors")
    if not patient.loaded.desired:
        raise NotApplicable("no resource is declared")
    blocked = patient.plan()
    for why in blocked:
        yield problem("RC936", why, severity=Severity.WARNING)
    if not blocked:
        yield Fact("a plan can be made, and no guard would stop it")


def _one(desired: Desired, live: Observed) -> Iterator[Said]:
    address = desired.address
    if live.broken is not None:
        yield problem("RC930", f"{address}: {live.broken}", address=address)
    if live.unfinished is not None:
        yield problem("RC930", f"{address}: {live.unfinished}", address=address, severity=Severity.WARNING)
    if address.kind == "WebService":
        yield from _service(desired, live)
    elif address.kind == "Endpoint":
        if desired.slots and not live.slots:
            yield problem("RC929", f"{address}: its web service has no slot: a training service", address=address)
        else:
            yield Fact(f"{address}: Classic endpoint, predictive, {_slots(live)}")
    else:
        yield Fact(f"{address}: there")


def _service(desired: Desired, live: Observed) -> Iterator[Said]:
    address = desired.address
    training = is_training(live.document)
    if training and desired.slots:
        yield problem("RC929", f"{address}: a training service has no slot for a trained model", address=address)
    where = live.fields.get("location")
    wanted = desired.fields.get("location") or desired.place.get("location")
    if isinstance(where, str) and isinstance(wanted, str) and folded(where) != folded(wanted):
        yield problem("RC928", f"{address}: it is in {where}, not in {wanted}", address=address)
    kind = "training" if training else "predictive"
    yield Fact(f"{address}: New (ARM) service, {kind}, {_slots(live)}{f', {where}' if isinstance(where, str) else ''}")


def _slots(live: Observed) -> str:
    return f"{len(live.slots)} slot{'' if len(live.slots) == 1 else 's'}"


def _trains(patient: Patient, target: str, name: str) -> bool | None:
    """Whether a service is one that trains; None where that cannot be told."""
    if target == "arm" and (client := patient.arm()) is not None:
        assert patient.environment.arm is not None
        return is_training(client.get_service(patient.environment.arm.resource_group, name))
    if target == "classic" and (classic := patient.classic()) is not None:
        service = find_service(name, classic.services())
        default: Any = default_of(service, classic.endpoints(str(service["Id"])))
        return None if default is None else not default.get("Resources")
    return None
