"""`commitmentPlans/commitmentAssociations`: which plan a web service is billed to, and how that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.arm import plans
from retrainctl.emulator.arm.dialect import bad_request
from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.arm.plans import Plans, etag
from retrainctl.emulator.arm.regions import slug
from retrainctl.emulator.arm.skiptoken import paged
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

TYPE: Final = plans.TYPE + "/commitmentAssociations"
_LIST: Final = plans.ONE + "/commitmentAssociations"


class Associations:
    """The handlers; and what web services need: an association made and unmade, usage noted on its plan."""

    def __init__(self, frame: Frame, gateway: Gateway, plan_room: Plans) -> None:
        self._frame = frame
        self._gateway = gateway
        self._plans = plan_room

    def routes(self) -> Iterable[Route]:
        table: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("GET", _LIST, self._list),
            ("GET", _LIST + "/{association}", self._get),
            ("POST", _LIST + "/{association}/move", self._move),
        ]
        for method, pattern, handler in table:
            yield Route(
                methods=method,
                pattern=pattern,
                handler=self._gateway.scoped(handler, plans.TYPE),
                dialect=self._gateway.provider_dialect,
            )

    # For web services

    def associate(self, plan_id: str, resource: str, location: str) -> None:
        """Bill `resource` to a plan; implied by creating a web service that names it."""
        plan = self._frame.resources.get(plan_id)
        if plan is not None:
            self._put(plan, str(uuid4()), resource, slug(location))

    def dissociate(self, resource: str) -> None:
        """Forget the association of a resource that is gone."""
        association = self._frame.resources.by_alias(_alias(resource))
        if association is not None:
            self._frame.resources.delete(association.id)

    def add_usage(self, resource: str, meter: str, amount: float) -> None:
        """Note consumption of a web service on its plan, for `usageHistory`; without a plan nothing happens."""
        association = self._frame.resources.by_alias(_alias(resource))
        if association is None:
            return
        self._frame.store.run(
            "INSERT INTO plan_usage VALUES(?,?,?,?) ON CONFLICT(plan, day, meter) DO UPDATE"
            " SET amount=amount+excluded.amount",
            association.head["properties"]["commitmentPlanId"].lower(),
            stamp(self._frame.clock.now())[:10],
            meter,
            amount,
        )

    def _put(self, plan: Resource, name: str, resource: str, location: str) -> Resource:
        now = self._frame.clock.now()
        association = Resource(
            id=f"{plan.id}/commitmentAssociations/{name}",
            type=TYPE,
            subscription=SUBSCRIPTION,
            group=plan.group,
            name=name,
            alias=_alias(resource),
            head={
                "type": TYPE,
                "location": location,
                "tags": {},
                "etag": etag(now),
                "properties": {
                    "associatedResourceId": resource,
                    "commitmentPlanId": plan.id,
                    "creationDate": stamp(now),
                },
            },
        )
        self._frame.resources.put(association)
        return association

    # Handlers

    def _list(self, call: Call) -> Answer:
        plan = self._plans.find(call.params["group"], call.params["plan"])
        return paged(
            call,
            lambda after, limit: self._frame.resources.children(plan.id, TYPE, after, limit),
            _view,
            int(self._frame.knobs.number("page-size")),
        )

    def _find(self, call: Call) -> Resource:
        plan = self._plans.find(call.params["group"], call.params["plan"])
        association = self._frame.resources.get(f"{plan.id}/commitmentAssociations/{call.params['association']}")
        if association is None:
            raise Refusal(
                404,
                "ResourceNotFound",
                f"The Resource '{TYPE}/{plan.name}/{call.params['association']}' under resource group "
                f"'{plan.group}' was not found.",
                gateway=True,
            )
        return association

    def _get(self, call: Call) -> Answer:
        return Answer(body=_view(self._find(call)))

    def _move(self, call: Call) -> Answer:
        """The only way to bill an existing service elsewhere; the association keeps its name."""
        association = self._find(call)
        destination = call.json().get("destinationPlanId")
        if not isinstance(destination, str):
            raise bad_request("RequestBodyInvalid", "The member 'destinationPlanId' is missing.")
        plan = self._plans.check_usable(destination, association.head["location"])
        if plan.id.lower() == association.head["properties"]["commitmentPlanId"].lower():
            return Answer(body=_view(association))
        resource = association.head["properties"]["associatedResourceId"]
        self._frame.resources.delete(association.id)
        moved = self._put(plan, association.name, resource, association.head["location"])
        service = self._frame.resources.get(resource)
        if service is not None:
            service.secret["commitmentPlan"] = plan.id
            self._frame.resources.put(service)
        return Answer(body=_view(moved), wrote=True)


def _alias(resource: str) -> str:
    return f"billed {resource.lower()}"


def _view(association: Resource) -> dict[str, Any]:
    head = association.head
    return {
        "etag": head["etag"],
        "id": association.id,
        "location": head["location"],
        "name": association.name,
        "properties": head["properties"],
        "tags": head["tags"],
        "type": TYPE,
    }
