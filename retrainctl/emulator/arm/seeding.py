"""The sections `webServices` and `commitmentPlans` of a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from retrainctl.emulator.arm import definition, plans, service_content, serving
from retrainctl.emulator.arm.associations import Associations
from retrainctl.emulator.arm.gateway import Gateway, group_id
from retrainctl.emulator.arm.plans import Plans
from retrainctl.emulator.arm.regions import display, slug
from retrainctl.emulator.arm.service_content import service_id
from retrainctl.emulator.frame import Frame, Loaded, SeedSource
from retrainctl.emulator.identity import REGION, RESOURCE_GROUP, SUBSCRIPTION
from retrainctl.emulator.resources import Resource, resource_id
from retrainctl.emulator.seed import fields

_SERVICE_FIELDS = ("definition", "name", "resourceGroup", "location", "keys", "commitmentPlan")
_PLAN_FIELDS = ("name", "resourceGroup", "location", "sku", "tags", "usage")


class Seeding:
    """Both sections."""

    def __init__(self, frame: Frame, gateway: Gateway, plan_room: Plans, associations: Associations) -> None:
        self._frame = frame
        self._gateway = gateway
        self._plans = plan_room
        self._associations = associations

    def web_services(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{definition, name?, resourceGroup?, location?, keys?, commitmentPlan?}` becomes a live service.

        `definition` is a file or an inline mapping. Its name is `name`, else the definition's `name` or `id`, else the
        file's stem. Every member that GET can show is kept as it is.
        """
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("webServices", index)
            entry = fields(item, _SERVICE_FIELDS, ("definition",), source, *place)
            document, stem = _document(entry["definition"], source, *place)
            name = entry.get("name") or _own_name(document) or stem
            if not isinstance(name, str) or not name:
                raise source.error("the service has no name", *place, hint="give it a name in seed.yaml")
            group = self._require_group(entry.get("resourceGroup") or RESOURCE_GROUP)
            if self._frame.resources.exists(service_id(group, name)):
                present.append(name)
                continue
            self._service(name, group, document, entry, source, place)
            new.append(name)
        return Loaded(new=tuple(new), present=tuple(present))

    def _service(
        self,
        name: str,
        group: str,
        document: dict[str, Any],
        entry: dict[str, Any],
        source: SeedSource,
        place: tuple[str | int, ...],
    ) -> None:
        properties = document.get("properties")
        if not isinstance(properties, dict):
            raise source.error(
                "the definition has no member properties", *place, "definition", hint="export one from a service"
            )
        location = _location(entry.get("location") or document.get("location") or REGION)
        if location is None:
            raise source.error(f"web services cannot live in {document.get('location')}", *place, "location")
        now = self._frame.clock.now()
        guid = uuid5(NAMESPACE_URL, service_id(group, name).lower()).hex
        service = service_content.new(group, name, location, now, guid)
        state = service.head["state"]
        state["provisioningState"] = "Succeeded"
        for member in ("provisioningState", "createdOn", "modifiedOn", "swaggerLocation"):
            if isinstance(properties.get(member), str):
                state[member] = properties[member]
        if "tags" not in document and "packageType" not in properties:
            state["untagged"] = True  # 27 of the 1135 listed services (R17) are stubs without tags
        content = definition.drop_nulls({k: v for k, v in properties.items() if k not in definition.READ_ONLY})
        service.head["properties"] = {}
        service_content.replace(service, content, document.get("tags"), rotate=False)
        if isinstance(entry.get("keys"), dict):
            service.secret["keys"] = {**service.secret["keys"], **entry["keys"]}
        if entry.get("commitmentPlan"):
            self._bill(service, group, str(entry["commitmentPlan"]), source, place)
        self._frame.resources.put(service)
        serving.keep_models(self._frame, service)

    def _bill(self, service: Resource, group: str, plan: str, source: SeedSource, place: tuple[str | int, ...]) -> None:
        identifier = plan if plan.startswith("/") else resource_id(SUBSCRIPTION, group, plans.TYPE, plan)
        if not self._frame.resources.exists(identifier):
            raise source.error(
                f"there is no commitment plan {plan}",
                *place,
                "commitmentPlan",
                hint="name it in the section commitmentPlans",
            )
        service.secret["commitmentPlan"] = identifier
        self._associations.associate(identifier, service.id, service.head["location"])

    def commitment_plans(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{name, sku?, location?, resourceGroup?, tags?, usage?}`; `usage` lists `{date, METER: amount}`."""
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("commitmentPlans", index)
            entry = fields(item, _PLAN_FIELDS, ("name",), source, *place)
            group = self._require_group(entry.get("resourceGroup") or RESOURCE_GROUP)
            name = str(entry["name"])
            if self._frame.resources.exists(resource_id(SUBSCRIPTION, group, plans.TYPE, name)):
                present.append(name)
                continue
            sku = {"capacity": 1, "name": "S1", "tier": "Standard"}
            if isinstance(entry.get("sku"), dict):
                sku |= fields(entry["sku"], ("capacity", "name", "tier"), (), source, *place, "sku")
            plan = self._plans.create(group, name, entry.get("location") or slug(REGION), sku, entry.get("tags") or {})
            self._usage(plan, entry.get("usage") or [], source, place)
            new.append(name)
        return Loaded(new=tuple(new), present=tuple(present))

    def _usage(self, plan: Resource, records: Any, source: SeedSource, place: tuple[str | int, ...]) -> None:
        known = ("date", plans.COMPUTE_HOURS, plans.TRANSACTIONS)
        for index, record in enumerate(records):
            entry = fields(record, known, ("date",), source, *place, "usage", index)
            for meter in known[1:]:
                if meter in entry:
                    self._frame.store.run(
                        "INSERT OR REPLACE INTO plan_usage VALUES(?,?,?,?)",
                        plan.key,
                        str(entry["date"])[:10],
                        meter,
                        float(entry[meter]),
                    )

    def _require_group(self, name: str) -> str:
        """The group as it is spelled here, made if it is not there."""
        if not self._frame.resources.exists(group_id(SUBSCRIPTION, name)):
            self._gateway.add_group(name, slug(REGION), None)
        return name


def _document(given: Any, source: SeedSource, *place: str | int) -> tuple[dict[str, Any], str]:
    """The definition and the stem of its file."""
    if isinstance(given, dict):
        return definition.fold_names(given), ""
    path: Path = source.path(str(given), *place, "definition")
    try:
        value = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise source.error(f"{path.name} cannot be read: {error.strerror}", *place, "definition") from error
    except orjson.JSONDecodeError as error:
        raise source.error(f"{path.name} is not JSON: {error}", *place, "definition") from error
    if not isinstance(value, dict):
        raise source.error(f"{path.name} is not a definition: it holds no object", *place, "definition")
    return definition.fold_names(value), path.stem


def _own_name(document: dict[str, Any]) -> str | None:
    """Member `name`, else the last segment of `id`."""
    name = document.get("name")
    if isinstance(name, str) and name:
        return name
    identifier = document.get("id")
    return identifier.rpartition("/")[2] if isinstance(identifier, str) and identifier else None


def _location(given: Any) -> str | None:
    """A spelling such as `EastUS2` (seen in R17) stays; an all-lower-case one is shown as the server does."""
    shown = display(str(given))
    if shown is None:
        return None
    return str(given) if str(given) != str(given).lower() else shown
