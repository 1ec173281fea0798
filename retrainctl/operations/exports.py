"""Definitions out of files and targets: what `init --from-export`, `import` and `export` read and write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retrainctl.definition import document as definition
from retrainctl.definition.export import export
from retrainctl.definition.file import load
from retrainctl.definition.observe import observe
from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import InvalidInput, RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.environment import Environment
from retrainctl.model.resource import Desired, Observed
from retrainctl.operations.folding import Found
from retrainctl.ports import Reading, TargetSet


def from_files(paths: Sequence[Path]) -> list[Found]:
    """The web services of exported definitions. Raises `InvalidInput` with the findings of all files."""
    found: list[Found] = []
    findings: list[Diagnostic] = []
    for path in paths:
        try:
            document = load(path, shown=str(path))
        except InvalidInput as error:
            findings += error.diagnostics
            continue
        name = definition.name_of(document) or path.stem
        found.append(web_service(observe(Address("WebService", name), "", document)))
    if findings:
        raise InvalidInput(findings)
    return found


def web_service(observed: Observed, *, group: str = "", place: Mapping[str, Any] | None = None) -> Found:
    """What a manifest declares of an existing web service: its slots, and its place where it is not the default."""
    slots: dict[str, str | None] = {name: state.uri for name, state in observed.slots.items()}
    return Found(kind="WebService", name=observed.address.name, spec=dict(place or {}), slots=slots, group=group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoptable:
    """What exists and can be declared, and what was left out and why."""

    found: tuple[Found, ...]
    left_out: tuple[str, ...] = ()


def from_live(services: Iterable[Observed], environment: Environment) -> Adoptable:
    """Manifests-to-be of live web services; broken ones are reported, not declared."""
    found: list[Found] = []
    left_out: list[str] = []
    for observed in services:
        group = _group(observed.identity)
        if observed.broken is not None:
            left_out.append(f"{observed.address} in {group}: {observed.broken}")
            continue
        own = environment.arm is not None and group.casefold() == environment.arm.resource_group.casefold()
        found.append(web_service(observed, group=group, place={} if own else {"resourceGroup": group}))
    return Adoptable(found=tuple(found), left_out=tuple(left_out))


def _group(identity: str) -> str:
    parts = identity.split("/")
    lowered = [part.casefold() for part in parts]
    return parts[lowered.index("resourcegroups") + 1] if "resourcegroups" in lowered else ""


def export_one(
    address: Address, desired: Sequence[Desired], targets: TargetSet, *, api_version: str, newline: str
) -> bytes:
    """The live definition of a declared web service, byte for byte as the cmdlet writes it.

    Raises `RetrainctlError` when nothing of that address is declared or live.
    """
    known = next((entry for entry in desired if entry.address == address), None)
    if known is None:
        known = Desired(address=address, place={"name": address.name})
    reading: Reading = targets.readers["arm"].read([known])
    if (failure := reading.failures.get(address)) is not None:
        raise failure
    observed = reading.observed.get(address)
    if observed is None:
        raise RetrainctlError(
            f"{address} does not exist at the target",
            code="RC302",
            hint="Check the name, --env and the resource group.",
        )
    document: Mapping[str, Any] = observed.document
    if not definition.name_of(document):
        document = {**document, "name": address.name}
    return export(document, api_version=api_version, newline=newline)
