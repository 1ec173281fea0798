"""New web services and commitment plans for single commands: which one is meant, what is shown, what is wished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrainctl.definition import document as definition
from retrainctl.definition.export import export, without_secrets
from retrainctl.definition.file import load
from retrainctl.definition.normalise import normalise
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.definitions import with_references
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings
from retrainctl.model.resource import Desired
from retrainctl.model.values import Fields, JsonObject, SecretRef, Tree

if TYPE_CHECKING:
    from retrainctl.targets.arm.client import ArmClient

SERVICE = "WebService"
PLAN = "CommitmentPlan"
_COLLECTIONS = {SERVICE: "webServices", PLAN: "commitmentPlans"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A resource that a command names: its address in plans and history, and where it is."""

    address: Address
    name: str
    group: str
    identity: str

    @property
    def place(self) -> dict[str, str]:
        return {"name": self.name, "resourceGroup": self.group}

    def desired(self, fields: Fields) -> Desired:
        """The resource with these fields wished, no more."""
        return Desired(address=self.address, place=self.place, fields=fields)


def locate(
    kind: str, named: str, desired: Sequence[Desired], settings: ArmSettings, *, group: str | None = None
) -> Located:
    """What a user means by a name: a manifest's name, a whole address, an ARM id, or the name in Azure.

    What a manifest declares keeps its address, whichever of its names is used, so that plans and history agree.
    A `group` that is given decides: then a manifest's name counts only if its resource is in that group.
    """
    if named.startswith("/"):
        subscription, named, group = _of_id(kind, named)
        if subscription.casefold() != settings.subscription.casefold():
            raise RetrainctlError(
                f"the id is of subscription {subscription}, the environment's is {settings.subscription}",
                code="RC901",
                hint="Use an environment of that subscription.",
            )
    named = named.removeprefix(f"{kind}/")
    declared = [entry for entry in desired if entry.address.kind == kind and _in_group(entry, group, settings)]
    found = next((entry for entry in declared if entry.address.name == named), None)
    if found is None:
        found = next((entry for entry in declared if entry.place.get("name", "").casefold() == named.casefold()), None)
    name = named if found is None else found.place.get("name", found.address.name)
    where = group or settings.resource_group
    if found is not None:
        where = found.place.get("resourceGroup", settings.resource_group)
    address = _address(kind, named, where, group, settings) if found is None else found.address
    return Located(address=address, name=name, group=where, identity=_identity(kind, settings, where, name))


def _address(kind: str, name: str, where: str, group: str | None, settings: ArmSettings) -> Address:
    """The same name may exist in several groups (arm-webservices.md section 10): outside our own, the group shows."""
    own = group is None or where.casefold() == settings.resource_group.casefold()
    return Address(kind, name if own else f"{where}/{name}")


def _in_group(entry: Desired, group: str | None, settings: ArmSettings) -> bool:
    return group is None or entry.place.get("resourceGroup", settings.resource_group).casefold() == group.casefold()


def _identity(kind: str, settings: ArmSettings, group: str, name: str) -> str:
    return (
        f"/subscriptions/{settings.subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.MachineLearning/{_COLLECTIONS[kind]}/{name}"
    )


def _of_id(kind: str, identity: str) -> tuple[str, str, str]:
    from retrainctl.targets.arm import ids

    parsed = ids.parse(identity)
    if parsed.type.casefold() != _COLLECTIONS[kind].casefold():
        raise RetrainctlError(
            f"this is the id of a resource of type {parsed.type}, not of {_COLLECTIONS[kind]}",
            code="RC227",
            hint=f"Write .../providers/Microsoft.MachineLearning/{_COLLECTIONS[kind]}/NAME.",
        )
    return parsed.subscription, parsed.name, parsed.resource_group


# Reading


def services(client: ArmClient, group: str | None) -> list[JsonObject]:
    """Every web service of a group, else of the subscription, every page; items are sparse (section 5)."""
    return [without_secrets(definition.proper(item)) for item in client.list_services(group)]


def service(client: ArmClient, at: Located, region: str | None = None) -> dict[str, Any]:
    """The whole definition without secrets; `region`: with that region's encrypted parameters."""
    return without_secrets(definition.proper(client.get_service(at.group, at.name, region=region)))


def exported(client: ArmClient, at: Located, *, region: str | None, api_version: str, newline: str) -> bytes:
    """The definition as a file, byte for byte as the cmdlet writes it, without secrets."""
    found = definition.proper(client.get_service(at.group, at.name, region=region))
    if not definition.name_of(found):
        found = {**found, "name": at.name}
    return export(found, api_version=api_version, newline=newline)


# Wishing


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """What a definition file says. left_out: secrets in it, by their places; they are never taken from a file."""

    fields: dict[str, Tree]
    name: str | None
    left_out: tuple[str, ...] = ()


def from_file(path: Path) -> Defined:
    """The fields that a definition file holds, without read-only members, and the service's name where it says it.

    A parameter may refer to a secret (`"value": {"env": NAME}`), as in the definition of a manifest.

    Raises:
        InvalidInput: the file cannot be read or is no definition.
    """
    found = load(path, shown=str(path))
    fields, _ = normalise(found)
    properties = definition.properties_of(found)
    keys, account = properties.get("keys"), properties.get("storageAccount")
    secrets = [f"keys.{name}" for name in keys] if isinstance(keys, Mapping) else []
    secrets += ["storageAccount.key"] if isinstance(account, Mapping) and account.get("key") else []
    return Defined(fields=dict(with_references(fields)), name=definition.name_of(found), left_out=tuple(secrets))


def merged(*parts: Mapping[str, Tree]) -> dict[str, Tree]:
    """Fields over fields; objects in both are joined one level down, as the service does it."""
    out: dict[str, Tree] = {}
    for part in parts:
        for name, item in part.items():
            former = out.get(name)
            both = isinstance(item, Mapping) and isinstance(former, Mapping)
            out[name] = {**former, **item} if both else item  # type: ignore[dict-item]
    return out


def generated_key(at: Located, which: str, desired: Iterable[Desired], moment: str) -> SecretRef:
    """A new key for a service: of the rotation that its manifest declares, so that the next plan is content."""
    declared = next((entry for entry in desired if entry.address == at.address), None)
    keys = declared.fields.get("keys") if declared is not None else None
    reference = keys.get(which) if isinstance(keys, Mapping) else None
    if isinstance(reference, SecretRef) and reference.source == "generate":
        return reference
    return SecretRef("generate", f"{at.address} {which} key", moment)


def plan_id(named: str, desired: Sequence[Desired], settings: ArmSettings) -> str:
    """The id of a commitment plan that a command names in one of the ways of `locate`; an id may be of any place."""
    return named if named.startswith("/") else locate(PLAN, named, desired, settings).identity


def masked(keys: Mapping[str, str], *, show: bool) -> dict[str, str]:
    """The keys as they are shown: only whether there is one, unless they were asked for."""
    return {name: key if show else "********" if key else "" for name, key in keys.items()}
