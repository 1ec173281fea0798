"""Who pays for a web service: finding its association with a commitment plan, and moving it to another plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retrainctl.errors import RetrainctlError
from retrainctl.model.address import Address
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.operations.applying import Surroundings
from retrainctl.operations.arm_services import Located
from retrainctl.operations.direct import record
from retrainctl.operations.settling import BACK
from retrainctl.ports import Waiter

if TYPE_CHECKING:
    from retrainctl.targets.arm.client import ArmClient

KIND = "CommitmentAssociation"


def find(client: ArmClient, plan: Located, named: str, service: Located) -> JsonObject:
    """The association of this name, else the one of this web service, whose names are made up by the service.

    Raises:
        RetrainctlError: RC901: the plan has neither.
        TargetError: there is no such plan.
    """
    wanted = service.identity.casefold()
    for item in client.list_associations(plan.group, plan.name):
        if str(item.get("name", "")).casefold() == named.casefold() or _member(item, "associatedResourceId") == wanted:
            return item
    raise RetrainctlError(
        f"commitment plan {plan.name} has no association {named}, and pays for no web service of that name",
        code="RC901",
        hint=f"See `retrainctl association list {plan.name}`.",
    )


def paid_by(association: JsonObject) -> str:
    """The id of the plan that pays."""
    return _member(association, "commitmentPlanId")


def move_request(plan: Located, association: JsonObject, destination: str) -> Request:
    """The call that moves an association (arm-webservices.md section 12)."""
    from retrainctl.targets.arm import billing

    return billing.request(plan.identity, str(association["name"]), destination)


def record_move(
    around: Surroundings, client: ArmClient, plan: Located, association: JsonObject, destination: str
) -> JsonObject:
    """Moves it, under the lease and in the ledger; gives the association as it is then. Raises like `record`."""
    name = str(association["name"])

    service = _member(association, "associatedResourceId")

    def write(waiter: Waiter) -> JsonObject:
        return client.move_association(plan.group, plan.name, name, destination, pause=waiter.pause)

    return record(
        around,
        address=Address(KIND, f"{plan.name}/{name}"),
        command="association move",
        summary=f"moved from {plan.identity} to {destination}",
        write=write,
        identity=f"{plan.identity}/commitmentAssociations/{name}",
        detail={"service": service, BACK: _back(plan, service, destination)},
    )


def _back(plan: Located, service: str, destination: str) -> str:
    now, name = destination.rpartition("/")[2], service.rpartition("/")[2]
    return f"Move it back: `retrainctl association move {now} {name} --to {plan.name}`."


def _member(association: JsonObject, name: str) -> str:
    properties = association.get("properties")
    return str(properties.get(name, "")).casefold() if isinstance(properties, Mapping) else ""
