"""Which commitment plan pays for which web service, and having another one pay.

A service never shows its plan; only the plans' associations tell (arm-webservices.md sections 5 and 12). Moving an
association is the only way to change who pays for a service that exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from retrainctl.fastclass import dataclass
from retrainctl.model.change import FieldChange, Request, ResourceChange, Step
from retrainctl.model.resource import Observed
from retrainctl.model.values import MISSING, JsonObject, Missing, Tree
from retrainctl.patterns import late
from retrainctl.ports import Conflict, NotFound, Pause
from retrainctl.targets.arm import ids

if TYPE_CHECKING:
    from retrainctl.targets.arm.client import ArmClient

FIELD: Final = "commitmentPlan"
MOVE: Final = "move-association"
"""The step of a change that has another plan pay."""

_ASSOCIATION: Final = "association"
_UNNAMED: Final = "{association}"
_PLANNED: Final = late(r".*/commitmentAssociations/(?P<name>[^/?]+)/move\?.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A plan's id, and the name of its association with a service."""

    plan: str
    association: str

    def field(self) -> dict[str, Tree]:
        """As it stands among a service's fields; nobody declares the association's name."""
        return {"id": self.plan, _ASSOCIATION: self.association}


def payments(client: ArmClient, plan: str, pause: Pause | None = None) -> Iterator[tuple[str, Payment]]:
    """What a plan pays for, by key of the service's id. Raises `TargetError`."""
    place = ids.parse(plan)
    for item in client.list_associations(place.resource_group, place.name, pause=pause):
        if (service := associated(item)) is not None:
            yield ids.key(service), Payment(plan=plan, association=str(item.get("name", "")))


def associated(association: JsonObject) -> str | None:
    """The id of the service that an association is about."""
    properties = association.get("properties")
    found = properties.get("associatedResourceId") if isinstance(properties, Mapping) else None
    return found if isinstance(found, str) else None


def plans(client: ArmClient, pause: Pause | None = None) -> Iterator[str]:
    """The ids of the subscription's plans."""
    for item in client.list_plans(pause=pause):
        if isinstance(identity := item.get("id"), str):
            place = ids.parse(identity)
            yield ids.commitment_plan(place.subscription, place.resource_group, place.name)


def find(client: ArmClient, service: str, likely: Iterable[Payment], pause: Pause | None = None) -> Payment | None:
    """Who pays for a service: looked for where it is likely, then in every plan. Raises `TargetError`."""
    wanted, seen = ids.key(service), set[str]()
    for payment in likely:
        if payment.association and confirmed(client, wanted, payment, pause):
            return payment
        seen.add(ids.key(payment.plan))
        if (found := _listed(client, wanted, payment.plan, pause)) is not None:
            return found
    for plan in plans(client, pause):
        if ids.key(plan) not in seen and (found := _listed(client, wanted, plan, pause)) is not None:
            return found
    return None


def confirmed(client: ArmClient, service: str, payment: Payment, pause: Pause | None = None) -> bool:
    """Whether a plan still has this association with the service; one call. Raises `TargetError`."""
    place = ids.parse(payment.plan)
    try:
        found = client.get_association(place.resource_group, place.name, payment.association, pause=pause)
    except NotFound:
        return False
    return ids.key(associated(found) or "") == ids.key(service)


def move(client: ArmClient, change: ResourceChange, step: Step, destination: str, pause: Pause) -> Payment:
    """Has the plan `destination` pay; nothing is sent when it does already.

    Raises:
        Conflict: RC335: another plan pays than the change was planned with, or none does. Nothing was sent.
        TargetError: as the service says.
    """
    planned = payer(change.fields, before=True)
    likely = [] if planned is None else [Payment(plan=planned, association=_named(step))]
    found = find(client, change.identity, [*likely, Payment(plan=destination, association="")], pause)
    if found is not None and ids.same(found.plan, destination):
        return found
    if found is None or (planned is not None and not ids.same(found.plan, planned)):
        who = "no commitment plan of the subscription" if found is None else f"commitment plan {_name(found.plan)}"
        was = "another one" if planned is None else _name(planned)
        raise Conflict(
            f"{who} pays for {change.address} now, not {was}; its association was not moved",
            code="RC335",
            hint="Plan again. `retrainctl association list PLAN` shows what a plan pays for.",
            sent=False,
        )
    place = ids.parse(found.plan)
    moved = client.move_association(place.resource_group, place.name, found.association, destination, pause=pause)
    return Payment(plan=destination, association=str(moved.get("name") or found.association))


def request(plan: str | None, association: str | None, destination: str) -> Request:
    """The call that moves an association (section 12). Where nobody has read which one, a `{placeholder}` stands."""
    at = ids.parse(destination).path.rpartition("/")[0] + "/{plan}" if plan is None else ids.parse(plan).path
    name = _UNNAMED if association is None else quote(association, safe="")
    path = f"{at}/commitmentAssociations/{name}/move?api-version={ids.PLAN_VERSION}"
    return Request(method="POST", path=path, body={"destinationPlanId": destination})


def planned_request(change: ResourceChange, observed: Observed | None, plan_id: Callable[[str], str]) -> Request:
    """The same for a change: the association's name is in the plan where it could be read."""
    before, after = payer(change.fields, before=True), payer(change.fields, before=False)
    shown = {} if observed is None else observed.fields.get(FIELD)
    name = shown.get(_ASSOCIATION) if isinstance(shown, Mapping) else None
    return request(before, name if isinstance(name, str) else None, plan_id(after or ""))


def payer(fields: Iterable[FieldChange], *, before: bool) -> str | None:
    """The plan that a change moves from, or to."""
    for entry in fields:
        if entry.path[0] == FIELD:
            value: Tree | Missing = entry.before if before else entry.after
            value = value.get("id", MISSING) if isinstance(value, Mapping) else value
            return value if isinstance(value, str) else None
    return None


def _listed(client: ArmClient, service: str, plan: str, pause: Pause | None) -> Payment | None:
    try:
        return dict(payments(client, plan, pause)).get(service)
    except NotFound:
        return None


def _named(step: Step) -> str:
    found = _PLANNED.fullmatch(step.requests[0].path) if step.requests else None
    name = "" if found is None else unquote(found["name"])
    return "" if name == _UNNAMED else name


def _name(plan: str) -> str:
    return ids.parse(plan).name
