"""From what the service lists to what planning needs. Pure: live workspaces and snapshots are read by the same code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from retrainctl.definition.endpoint import observe, slots
from retrainctl.definition.nearest import closest
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.environment import ClassicSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound, Reading, Rejected, TargetError
from retrainctl.targets.classic.ids import ENDPOINT, SERVICE, Place, is_service_id

DEFAULT: Final = "default"
"""Name of the endpoint that every service has, unless the service says another (`DefaultEndpointName`)."""

LIMITS: Final[Mapping[str, int]] = {"Free": 3, "Standard": 10_000}
"""Endpoints of one service, `default` included (section 4.11)."""

_LISTED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What a workspace holds: all web services, and the endpoints of those that were asked for, by service id."""

    services: Sequence[JsonObject]
    endpoints: Mapping[str, Sequence[JsonObject]]


def wanted_services(wanted: Iterable[Desired]) -> list[str]:
    """What manifests call the services whose endpoints must be read, each once."""
    return list(dict.fromkeys(d.place["webService"] for d in wanted if d.address.kind == ENDPOINT))


def find_service(reference: str, services: Sequence[JsonObject]) -> JsonObject:
    """The web service of this id, else of exactly this name.

    Raises:
        NotFound: RC361, there is none; the message names what there is.
        Rejected: RC362, several have this name; the message lists their ids.
    """
    if is_service_id(reference):
        by_id = next((s for s in services if str(s.get("Id", "")).casefold() == reference.casefold()), None)
        if by_id is not None:
            return by_id
    named = [service for service in services if service.get("Name") == reference]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(sorted(str(service.get("Id")) for service in named))
        raise Rejected(
            f'{len(named)} Classic web services are called "{reference}": {ids}',
            code="RC362",
            hint="Name the right one by its id; the other was most likely made by deploying again without updating.",
            sent=False,
        )
    raise NotFound(
        f'there is no Classic web service "{reference}" in the workspace',
        code="RC361",
        hint=_what_there_is(reference, services),
        sent=False,
    )


def _what_there_is(reference: str, services: Sequence[JsonObject]) -> str:
    names = sorted({str(service.get("Name")) for service in services})
    if not names:
        return "The workspace has no web services: check `workspace` and `location` in the environment's `classic:`."
    near = closest(reference, names)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    listed = ", ".join(f'"{name}"' for name in names[:_LISTED])
    return (f'Did you mean "{near}"? ' if near else "") + f"There is {listed}{more}."


def default_of(service: JsonObject, endpoints: Iterable[JsonObject]) -> JsonObject | None:
    """The default endpoint of a service."""
    name = default_name(service)
    return next((endpoint for endpoint in endpoints if endpoint.get("Name") == name), None)


def default_name(service: JsonObject) -> str:
    named = service.get("DefaultEndpointName")
    return named if isinstance(named, str) and named else DEFAULT


def read_estate(wanted: Sequence[Desired], estate: Estate, settings: ClassicSettings) -> Reading:
    """What is live of the wanted resources. An endpoint is looked up in its service's list, not read by itself."""
    assembly = _Assembly(estate, settings)
    for desired in wanted:
        assembly.add(desired)
    return Reading(
        observed=assembly.observed,
        identities=assembly.identities,
        failures=assembly.failures,
        not_covered=frozenset(assembly.silent),
        facts=assembly.facts(),
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A service whose endpoints are wanted. prefix: what its endpoints' identities begin with. listed: by name."""

    service: JsonObject
    prefix: str
    listed: Mapping[str, JsonObject]
    default: JsonObject | None


class _Assembly:
    """Collects a reading; what concerns a service is found out once, however many endpoints it has."""

    def __init__(self, estate: Estate, settings: ClassicSettings) -> None:
        self._estate = estate
        self._settings = settings
        self._services: dict[str, JsonObject | TargetError] = {}
        self._opened: dict[str, _Opened] = {}
        self._missing: defaultdict[str, list[str]] = defaultdict(list)
        self._taken: dict[str, Address] = {}
        self.observed: dict[Address, Observed] = {}
        self.identities: dict[Address, str] = {}
        self.failures: dict[Address, TargetError] = {}
        self.silent: list[Address] = []

    def add(self, desired: Desired) -> None:
        reference = desired.place["webService"]
        service = self._services.get(reference)
        if service is None:
            service = self._find(reference, desired.address)
        if isinstance(service, TargetError):
            # Said once: a thousand endpoints of a service that is not there are one mistake.
            if desired.address not in self.failures:
                self.silent.append(desired.address)
        elif desired.address.kind == SERVICE:
            self._add_service(desired, service)
        else:
            self._add_endpoint(desired, service)

    def _find(self, reference: str, address: Address) -> JsonObject | TargetError:
        try:
            found: JsonObject | TargetError = find_service(reference, self._estate.services)
        except TargetError as error:
            found = self.failures[address] = error
            error.address = address
        self._services[reference] = found
        return found

    def _add_service(self, desired: Desired, service: JsonObject) -> None:
        place = Place(workspace=self._settings.workspace, service=str(service["Id"]))
        self.identities[desired.address] = str(place)
        self.observed[desired.address] = observe_service(desired.address, str(place), service)

    def _add_endpoint(self, desired: Desired, service: JsonObject) -> None:
        identifier, name, address = str(service["Id"]), desired.place["name"], desired.address
        opened = self._opened.get(identifier) or self._open(identifier, service)
        identity = f"{opened.prefix}{name}"
        first = self._taken.setdefault(identity, address)
        if first is not address and first != address:
            self.failures[desired.address] = Rejected(
                f"{desired.address} and {first} are one and the same endpoint, {name} of {service.get('Name')}",
                code="RC376",
                hint="Keep one of the two manifests.",
                sent=False,
            )
            return
        self.identities[address] = identity
        document = opened.listed.get(name)
        if document is None:
            self._missing[identifier].append(name)
            return
        self.observed[address] = observe(address, identity, document, default=opened.default)

    def _open(self, identifier: str, service: JsonObject) -> _Opened:
        items = self._estate.endpoints.get(identifier, ())
        opened = self._opened[identifier] = _Opened(
            service=service,
            prefix=f"{Place(workspace=self._settings.workspace, service=identifier)}/endpoints/",
            listed={str(item.get("Name")): item for item in items},
            default=default_of(service, items),
        )
        return opened

    def facts(self) -> dict[str, Any]:
        """What the planner's judgement needs to know, and what a snapshot keeps.

        `webServices`: all services as listed. `services`: by id, of those whose endpoints were read: `name`,
        `slots` (of the default endpoint; None when it is not there), `endpoints` (as listed), `count`, `missing` (how
        many are to be created), `first` (the first of them). `defaults`: identities of the default endpoints.
        """
        services: dict[str, Any] = {}
        defaults: dict[str, bool] = {}
        for identifier, opened in self._opened.items():
            listed, default, missing = opened.listed, opened.default, self._missing[identifier]
            services[identifier] = {
                "name": str(opened.service.get("Name")),
                "slots": None if default is None else list(slots(default)),
                "endpoints": list(listed.values()),
                "count": len(listed),
                "missing": len(missing),
                "first": min(missing, default=None),
            }
            place = Place(workspace=self._settings.workspace, service=identifier, endpoint=default_name(opened.service))
            defaults[str(place)] = True
        return {"webServices": list(self._estate.services), "services": services, "defaults": defaults}


def observe_service(address: Address, identity: str, document: JsonObject) -> Observed:
    """A web service as listed: its name is all that a manifest can hold it to."""
    from hashlib import sha256

    name = str(document.get("Name"))
    return Observed(
        address=address,
        identity=identity,
        fields={"Name": name},
        fingerprint="sha256:" + sha256(name.encode("utf-8", "surrogatepass")).hexdigest(),
        document=document,
    )
