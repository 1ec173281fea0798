"""`Microsoft.MachineLearning/commitmentPlans`: plans, their usage, and the SKUs.

Everything here is synchronous and exists at 2016-05-01-preview only (section 12 of the dossier).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.arm.dialect import bad_request
from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.arm.regions import REGIONS, slug
from retrainctl.emulator.arm.skiptoken import next_link, paged, position
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.resources import Resource, resource_id
from retrainctl.emulator.routing import Route

TYPE: Final = "Microsoft.MachineLearning/commitmentPlans"
COMPUTE_HOURS: Final = "machineLearningWebServiceComputeHours"
TRANSACTIONS: Final = "machineLearningWebServiceTransactions"

DDL = """
CREATE TABLE IF NOT EXISTS plan_usage(
  plan TEXT NOT NULL, day TEXT NOT NULL, meter TEXT NOT NULL, amount REAL NOT NULL,
  PRIMARY KEY(plan, day, meter)) WITHOUT ROWID;
"""

QUANTITIES: Final = {"S1": (25.0, 100e3), "S2": (500.0, 2e6), "S3": (12_500.0, 50e6), "DevTest": (2.0, 1e3)}
"""SKU to (compute hours, transactions) per 30 days and capacity. S1 is recorded, the others from the price list."""

_METERS: Final = {
    COMPUTE_HOURS: ("29187de1-b4a1-4503-a6f6-078271b3fc9d", "842f92f7-a46b-4522-ac62-8134271dc591"),
    TRANSACTIONS: ("303743b6-4cd0-44df-8ec2-a93c8f14943b", "c906e161-98b8-41b1-81e2-b59e0b263740"),
}
_PLAN_METER: Final = "4a5a4b83-6216-47c5-b3db-fe430fa6e2c3"
_LIST: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearning/commitmentPlans"
)
ONE: Final = _LIST + "/{plan}"
_PROVIDER: Final = "/subscriptions/{subscription}/providers/Microsoft.MachineLearning"


class Plans:
    """The handlers, and whether a plan can be used."""

    def __init__(self, frame: Frame, gateway: Gateway) -> None:
        self._frame = frame
        self._gateway = gateway

    def routes(self) -> Iterable[Route]:
        table: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("GET", _LIST, self._list),
            ("GET", _PROVIDER + "/commitmentPlans", self._list),
            ("GET", _PROVIDER + "/skus", self._skus),
            ("PUT", ONE, self._put),
            ("GET", ONE, self._get),
            ("HEAD", ONE, self._head),
            ("PATCH", ONE, self._patch),
            ("DELETE", ONE, self._delete),
            ("GET", ONE + "/usageHistory", self._usage),
        ]
        for method, pattern, handler in table:
            yield Route(
                methods=method,
                pattern=pattern,
                handler=self._gateway.scoped(handler, TYPE),
                dialect=self._gateway.provider_dialect,
            )

    def check_usable(self, plan_id: str, location: str) -> Resource:
        """The plan: it exists, and is in the service's region.

        Raises:
            Refusal: 400; the codes are a guess.
        """
        plan = self._frame.resources.get(plan_id)
        if plan is None or plan.type != TYPE.lower():
            raise bad_request("CommitmentPlanNotFound", f"No commitment plan could be found with the id: {plan_id}.")
        if slug(plan.head["location"]) != slug(location):
            raise bad_request(
                "CommitmentPlanRegionMismatch",
                f"The commitment plan is in '{plan.head['location']}', the web service in '{slug(location)}'.",
            )
        return plan

    def find(self, group: str, name: str) -> Resource:
        plan = self._frame.resources.get(resource_id(SUBSCRIPTION, group, TYPE, name))
        if plan is None:
            raise Refusal(
                404,
                "ResourceNotFound",
                f"The Resource '{TYPE}/{name}' under resource group '{group}' was not found.",
                gateway=True,
            )
        return plan

    def create(self, group: str, name: str, location: str, sku: dict[str, Any], tags: dict[str, Any]) -> Resource:
        """A new plan, stored."""
        now = self._frame.clock.now()
        plan = Resource(
            id=resource_id(SUBSCRIPTION, group, TYPE, name),
            type=TYPE,
            subscription=SUBSCRIPTION,
            group=group,
            name=name,
            head={
                "type": TYPE,
                "location": location,  # not normalised (R16, R17)
                "tags": tags,
                "etag": etag(self._frame.clock.now()),
                "sku": sku,
                "created": stamp(now),
            },
        )
        self._frame.resources.put(plan)
        return plan

    def _put(self, call: Call) -> Answer:
        group, name, wish = call.params["group"], call.params["plan"], call.json()
        location = wish.get("location")
        if not isinstance(location, str) or slug(location) not in {slug(region) for region in REGIONS}:
            raise Refusal(
                400,
                "LocationNotAvailableForResourceType",
                f"The provided location '{location}' is not available for resource type '{TYPE}'.",
                gateway=True,
            )
        before = self._frame.resources.get(resource_id(SUBSCRIPTION, group, TYPE, name))
        if before is None:
            plan = self.create(group, name, location, _sku(wish.get("sku"), None), wish.get("tags") or {})
        else:
            self._check_etag(call, before, wish)
            plan = before
            plan.head |= {"sku": _sku(wish.get("sku"), plan.head["sku"]), "tags": wish.get("tags") or {}}
            plan.head["etag"] = etag(self._frame.clock.now())
            self._frame.resources.put(plan)
        return Answer(body=_plan_view(plan), wrote=True)

    def _get(self, call: Call) -> Answer:
        return Answer(body=_plan_view(self.find(call.params["group"], call.params["plan"])))

    def _head(self, call: Call) -> Answer:
        self.find(call.params["group"], call.params["plan"])
        return Answer(status=204)

    def _patch(self, call: Call) -> Answer:
        plan, wish = self.find(call.params["group"], call.params["plan"]), call.json()
        if unknown := set(wish) - {"sku", "tags", "etag"}:
            raise bad_request(
                "RequestBodyInvalid", f"Only sku and tags can be patched, not {', '.join(sorted(unknown))}."
            )
        self._check_etag(call, plan, wish)
        if wish.get("sku") is not None:
            plan.head["sku"] = _sku(wish["sku"], plan.head["sku"])
        if wish.get("tags") is not None:
            plan.head["tags"] = wish["tags"]
        plan.head["etag"] = etag(self._frame.clock.now())
        self._frame.resources.put(plan)
        return Answer(body=_plan_view(plan), wrote=True)

    def _delete(self, call: Call) -> Answer:
        group, name = call.params["group"], call.params["plan"]
        if not self._frame.resources.delete(resource_id(SUBSCRIPTION, group, TYPE, name)):
            return Answer(status=204)
        return Answer(wrote=True)

    def _list(self, call: Call) -> Answer:
        group = call.params.get("group")
        return paged(
            call,
            lambda after, limit: self._frame.resources.page(TYPE, SUBSCRIPTION, group, after, limit),
            _plan_view,
            int(self._frame.knobs.number("page-size")),
        )

    def _check_etag(self, call: Call, plan: Resource, wish: dict[str, Any]) -> None:
        if self._frame.knobs.text("plan-etag") == "ignore":
            return
        given = call.headers.get("if-match", wish.get("etag") or "*").strip('"')
        if given not in ("*", plan.head["etag"]):
            raise Refusal(412, "PreconditionFailed", "The etag of the commitment plan has changed.")

    def _usage(self, call: Call) -> Answer:
        plan = self.find(call.params["group"], call.params["plan"])
        rows = self._frame.store.rows(
            "SELECT day, meter, amount FROM plan_usage WHERE plan=? ORDER BY day, meter", plan.key
        )
        left = {meter: values["allowance"] for meter, values in _quantities(plan).items()}
        days: dict[str, dict[str, float]] = {}
        for day, meter, amount in rows:
            days.setdefault(day, {})[meter] = amount
        records = [_usage_record(day, usage, left) for day, usage in days.items()]
        start, limit = position(call), int(self._frame.knobs.number("page-size"))
        body: dict[str, Any] = {"value": records[start : start + limit]}
        if start + limit < len(records):
            body["nextLink"] = next_link(call, start + limit)
        return Answer(body=body)

    def _skus(self, call: Call) -> Answer:
        del call
        return Answer(body={"value": [_catalogue_entry(name) for name in QUANTITIES]})


def etag(now: float) -> str:
    """As recorded: `0000e963-0000-0000-0000-5900d3560000`, the fifth part being seconds since 1970."""
    return f"0000{uuid4().hex[:4]}-0000-0000-0000-{int(now):08x}0000"


def _sku(wish: Any, before: dict[str, Any] | None) -> dict[str, Any]:
    """Checked and completed; a missing capacity stays, or is 1."""
    if not isinstance(wish, dict) or not wish.get("name") or not wish.get("tier"):
        raise bad_request("RequestBodyInvalid", "The member 'sku' needs a name and a tier.")
    capacity = wish.get("capacity", 1 if before is None else before["capacity"])
    if not isinstance(capacity, int) or not 1 <= capacity <= 10:
        raise bad_request("InvalidCapacity", "The capacity of the sku must be from 1 to 10.")  # (guess)
    return {"capacity": capacity, "name": wish["name"], "tier": wish["tier"]}


def _quantities(plan: Resource) -> dict[str, dict[str, Any]]:
    hours, transactions = QUANTITIES.get(plan.head["sku"]["name"], QUANTITIES["S1"])
    capacity = plan.head["sku"]["capacity"]
    return {
        meter: {
            "allowance": allowance * capacity,
            "amount": 0.0,
            "includedQuantityMeter": _METERS[meter][0],
            "overageMeter": _METERS[meter][1],
        }
        for meter, allowance in ((COMPUTE_HOURS, hours), (TRANSACTIONS, transactions))
    }


def _plan_view(plan: Resource) -> dict[str, Any]:
    head = plan.head
    return {
        "etag": head["etag"],
        "id": plan.id,
        "location": head["location"],
        "name": plan.name,
        "properties": {
            "chargeForOverage": True,
            "chargeForPlan": True,
            "creationDate": head["created"],
            "includedQuantities": _quantities(plan),
            "maxAssociationLimit": 10000,
            "maxCapacityLimit": 10,
            "minCapacityLimit": 1,
            "planMeter": _PLAN_METER,
            "refillFrequencyInDays": 30,
            "suspendPlanOnOverage": False,
        },
        "sku": head["sku"],
        "tags": head["tags"],
        "type": TYPE,
    }


def _usage_record(day: str, usage: dict[str, float], left: dict[str, float]) -> dict[str, Any]:
    """One day; `left` is what the plan still includes, and is counted down."""
    before = dict(left)
    overage: dict[str, float] = {}
    for meter, amount in usage.items():
        overage[meter] = max(0.0, amount - left.get(meter, 0.0))
        left[meter] = max(0.0, left.get(meter, 0.0) - amount)
    return {
        "planDeletionOverage": {},
        "planMigrationOverage": {},
        "planQuantitiesAfterUsage": dict(left),
        "planQuantitiesBeforeUsage": before,
        "planUsageOverage": overage,
        "usage": usage,
        "usageDate": f"{day}T00:00:00Z",
    }


def _catalogue_entry(name: str) -> dict[str, Any]:
    hours, transactions = QUANTITIES[name]
    return {
        "resourceType": TYPE,
        "name": name,
        "tier": "Standard",
        "locations": [slug(region) for region in REGIONS],
        "capacity": {"minimum": 1, "maximum": 10, "default": 1, "scaleType": "Manual"},
        "capabilities": [
            {"name": COMPUTE_HOURS, "value": f"{hours:g}"},
            {"name": TRANSACTIONS, "value": f"{transactions:.0f}"},
        ],
        "costs": [{"meterID": _PLAN_METER, "quantity": 1, "extendedUnit": "P30D"}],
        "restrictions": [],
    }
