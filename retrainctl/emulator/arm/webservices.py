"""`Microsoft.MachineLearning/webServices`: create, read, patch, delete, list, keys, regional blobs.

Section numbers are those of `reference/arm-webservices.md`; R16 and R17 are its recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from retrainctl.emulator.arm import definition, rules, service_content, service_view, serving
from retrainctl.emulator.arm.associations import Associations
from retrainctl.emulator.arm.definition import PREVIEW, READ_ONLY
from retrainctl.emulator.arm.dialect import bad_request, not_found
from retrainctl.emulator.arm.encryption import WrongRegion
from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.arm.plans import Plans
from retrainctl.emulator.arm.polling import Polling
from retrainctl.emulator.arm.providers import OPERATIONS
from retrainctl.emulator.arm.regions import HOST_PREFIXES, REGIONS, slug
from retrainctl.emulator.arm.service_content import service_id
from retrainctl.emulator.arm.service_view import TYPE
from retrainctl.emulator.arm.skiptoken import paged
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.operations import EffectFailed, Operation
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

_PROVIDER: Final = "/subscriptions/{subscription}/providers/Microsoft.MachineLearning"
_LIST: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearning/webServices"


class WebServices:
    """The handlers, and the effects that operations have later."""

    def __init__(self, frame: Frame, gateway: Gateway, plans: Plans, associations: Associations) -> None:
        self._frame = frame
        self._gateway = gateway
        self._plans = plans
        self._associations = associations
        self._polling = Polling(frame, gateway)
        define = frame.operations.define
        define("webService.put", self._put_done, self._abandoned)
        define("webService.patch", self._patch_done, self._abandoned)
        define("webService.delete", self._delete_done, self._abandoned)
        define("webService.regional", self._regional_done)

    def routes(self) -> Iterable[Route]:
        one = _LIST + "/{name}"
        table: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("GET", _LIST, self._list),
            ("GET", _PROVIDER + "/webServices", self._list_all),
            ("PUT", one, self._put),
            ("GET", one, self._get),
            ("HEAD", one, self._head),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("GET", one + "/listKeys", self._keys),
            ("POST", one + "/CreateRegionalBlob", self._create_regional),
            ("GET", "/providers/Microsoft.MachineLearning/operations", self._operations),
        ]
        for method, pattern, handler in table:
            yield Route(
                methods=method,
                pattern=pattern,
                handler=self._gateway.scoped(handler, TYPE),
                dialect=self._gateway.provider_dialect,
            )
        yield from self._polling.routes()

    # Reading

    def find(self, group: str, name: str) -> Resource:
        """The service.

        Raises:
            Refusal: 404 as recorded.
        """
        service = self._frame.resources.get(service_id(group, name))
        if service is None:
            raise not_found("WebServiceNotFound", f"No Web Service could be found with the provided name: {name}.")
        return service

    def _get(self, call: Call) -> Answer:
        service = self.find(call.params["group"], call.params["name"])
        home = region = slug(service.head["location"])
        if call.query["api-version"] != PREVIEW and call.query.get("region"):
            region = slug(call.query["region"])
            if region != home and region not in service.head["state"]["regions"]:
                raise not_found(
                    "PerRegionPayloadNotFound", f"No payload could be found for the region: {call.query['region']}."
                )
        return Answer(body=self._view(service, call.query["api-version"], region))

    def _view(self, service: Resource, version: str, region: str) -> dict[str, Any]:
        strip = self._frame.knobs.text("show-credentials") == "strip"
        return service_view.full(service, version, region, strip_credentials=strip)

    def _head(self, call: Call) -> Answer:
        self.find(call.params["group"], call.params["name"])
        return Answer(status=204)

    def _keys(self, call: Call) -> Answer:
        return Answer(body=self.find(call.params["group"], call.params["name"]).secret["keys"])

    def _list(self, call: Call) -> Answer:
        group, version = call.params.get("group"), call.query["api-version"]
        return paged(
            call,
            lambda after, limit: self._frame.resources.page(TYPE, SUBSCRIPTION, group, after, limit),
            lambda service: service_view.list_item(service, version),
            int(self._frame.knobs.number("page-size")),
        )

    def _list_all(self, call: Call) -> Answer:
        """R17: the gateway asks every region and passes their request ids on. R16: one region, no such header."""
        found = self._list(call)
        if call.query["api-version"] == PREVIEW:
            return found
        fanned_out = [("x-ms-original-request-ids", str(uuid4())) for _ in REGIONS]
        return Answer(body=found.body, headers=fanned_out, gateway=True)

    def _operations(self, call: Call) -> Answer:
        del call
        return Answer(body={"value": OPERATIONS})

    # Writing

    def _put(self, call: Call) -> Answer:
        version, knobs = call.query["api-version"], self._frame.knobs
        group, name = call.params["group"], call.params["name"]
        rules.check_name(name)
        body = definition.drop_nulls(definition.fold_names(call.json()))
        existing = self._frame.resources.get(service_id(group, name))
        location = rules.check_location(body.get("location"), existing)
        properties = _writable(body)
        rules.check_properties(properties, version, self._frame.clock.now())
        rules.check_put(properties, existing, storage_may_change=knobs.text("put-storage-account") == "allow")
        if existing is not None:
            self._check_idle(existing)
            rules.check_writable(existing)
        creating = existing is None or bool(existing.head["state"].get("stub"))
        self._check_complete(properties, location, creating=creating)
        self._take_in(properties, location)
        arguments = {"tags": body.get("tags"), "properties": properties}
        service = existing or self._stub(group, name, location)
        service.head["state"]["provisioningState"] = "Provisioning"
        shown = service_view.put_answer(service, arguments, version)
        return self._accept(call, "webService.put", service, arguments, 201 if existing is None else 200, shown)

    def _stub(self, group: str, name: str, location: str) -> Resource:
        """What exists from the acceptance of a creation on, and what stays if it fails (census of R17).

        Its id keeps the spelling of this request, also of the group (two spellings of one group in the list of R17).
        """
        service = service_content.new(group, name, location, self._frame.clock.now())
        service.head["state"]["stub"] = True
        return service

    def _check_complete(self, properties: dict[str, Any], location: str, *, creating: bool) -> None:
        if creating and self._frame.knobs.text("put-incomplete") == "reject":
            rules.check_complete(properties)
        plan = properties.get("commitmentPlan", {}).get("id")
        if plan:
            self._plans.check_usable(plan, location)

    def _patch(self, call: Call) -> Answer:
        version, now = call.query["api-version"], self._frame.clock.now()
        service = self.find(call.params["group"], call.params["name"])
        body = definition.fold_names(call.json())
        if self._frame.knobs.text("patch-null") == "ignore":
            body = definition.drop_nulls(body)
        properties = _writable(body)
        given = definition.drop_nulls(properties)
        rules.check_properties(given, version, now)
        self._check_idle(service)
        rules.check_writable(service)
        needs_type = self._frame.knobs.text("patch-package-type") == "required"
        rules.check_patch(body, given, service, package_type=needs_type)
        self._check_complete(given, service.head["location"], creating=False)
        self._take_in(properties, service.head["location"])
        service.head["state"]["provisioningState"] = "Provisioning"
        service_content.modified(service, now)
        shown = service_view.skeleton(service, {"provisioningState": "Provisioning"})
        if version == PREVIEW:
            # Section 2.1: the resource as it was, but for state and date.
            before = self.find(service.group, service.name)
            before.head = service.head
            shown = self._view(before, version, slug(service.head["location"]))
        arguments = {"tags": body.get("tags"), "properties": properties}
        return self._accept(call, "webService.patch", service, arguments, 200, shown)

    def _accept(
        self, call: Call, effect: str, service: Resource, arguments: Any, status: int, body: dict[str, Any]
    ) -> Answer:
        operation = self._frame.operations.start(call, effect, service.id, slug(service.head["location"]), arguments)
        self._frame.resources.put(service)
        return Answer(status=status, body=body, headers=self._polling.headers(call, operation), wrote=operation.id)

    def _delete(self, call: Call) -> Answer:
        """202 also for what does not exist (section 11), at any time and whatever the state."""
        identifier = service_id(call.params["group"], call.params["name"])
        service = self._frame.resources.get(identifier)
        place = slug(REGIONS[0] if service is None else service.head["location"])
        operation = self._frame.operations.start(call, "webService.delete", identifier, place, None)
        if service is not None:
            service.head["state"]["provisioningState"] = "Provisioning"
            self._frame.resources.put(service)
        headers = self._polling.headers(call, operation, with_location=True)
        return Answer(status=202, headers=headers, wrote=operation.id)

    def _create_regional(self, call: Call) -> Answer:
        if call.query["api-version"] == PREVIEW:
            raise not_found("OperationNotFound", "CreateRegionalBlob does not exist in this api-version.")
        service = self.find(call.params["group"], call.params["name"])
        region = slug(call.query.get("region", ""))
        if region not in HOST_PREFIXES:
            raise bad_request("InvalidQueryParameter", f"The region '{call.query.get('region', '')}' is not valid.")
        home = slug(service.head["location"])
        operation = self._frame.operations.start(call, "webService.regional", service.id, home, region)
        return Answer(status=202, headers=self._polling.headers(call, operation), wrote=operation.id)

    def _check_idle(self, service: Resource) -> None:
        busy = service.head["state"]["provisioningState"] == "Provisioning"
        if busy and self._frame.knobs.text("write-while-provisioning") == "conflict":
            detail = ("WebServiceProvisioning", f"The web service '{service.name}' is being provisioned.")
            raise Refusal(409, "Conflict", "The request conflicts with the state of the resource.", [detail])

    def _take_in(self, properties: dict[str, Any], location: str) -> None:
        try:
            definition.take_in(properties, slug(location))
        except WrongRegion as error:
            if self._frame.knobs.text("foreign-ciphertext") == "reject":
                raise bad_request(
                    "WebServicePackageError", f"ValidationError: a parameter is encrypted for the region {error}."
                ) from None

    # Effects

    def _put_done(self, operation: Operation) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is None:
            return
        properties = operation.arguments["properties"]
        self._require_blobs(properties)
        fresh, billed = bool(service.head["state"].pop("stub", False)), service.secret.get("commitmentPlan")
        rotate = not fresh and self._frame.knobs.on("put-rotates-keys")
        service_content.replace(service, properties, operation.arguments["tags"], rotate=rotate)
        self._finish(service, operation, billed)

    def _patch_done(self, operation: Operation) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is None:
            return
        properties, billed = operation.arguments["properties"], service.secret.get("commitmentPlan")
        self._require_blobs(definition.drop_nulls(properties))
        if operation.arguments["tags"] is not None:
            service.head["tags"] = definition.drop_nulls(operation.arguments["tags"])
        service_content.merge(service, properties, replace_maps=self._frame.knobs.text("patch-maps") == "replace")
        self._finish(service, operation, billed)

    def _finish(self, service: Resource, operation: Operation, billed: str | None) -> None:
        """`billed`: the plan so far; it is set once, with whichever write names it first."""
        plan = service.secret.get("commitmentPlan")
        if plan and plan != billed:
            self._associations.associate(plan, service.id, service.head["location"])
        state = service.head["state"]
        state["provisioningState"] = "Succeeded"
        if self._frame.knobs.text("regional-after-update") == "drop":
            state["regions"] = []
        service_content.modified(service, operation.due)
        self._frame.resources.put(service)
        serving.keep_models(self._frame, service)

    def _abandoned(self, operation: Operation, state: str) -> None:
        """Old content, and the state that the operation ended in."""
        service = self._frame.resources.get(operation.subject)
        if service is None:
            return
        service.head["state"]["provisioningState"] = "Succeeded" if state == "Succeeded" else "Failed"
        service_content.modified(service, operation.due)
        self._frame.resources.put(service)

    def _delete_done(self, operation: Operation) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is not None and self._frame.resources.delete(operation.subject):
            serving.drop_models(self._frame, service)
            self._associations.dissociate(operation.subject)

    def _regional_done(self, operation: Operation) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is not None:
            regions = service.head["state"]["regions"]
            service.head["state"]["regions"] = sorted({*regions, operation.arguments})
            self._frame.resources.put(service)

    def _require_blobs(self, properties: dict[str, Any]) -> None:
        if not self._frame.knobs.on("blobs-required"):
            return
        for uri in definition.resource_uris(properties):
            parts = urlsplit(uri)
            account = (parts.hostname or "").partition(".")[0]
            if not self._frame.blob_exists(account, parts.path.lstrip("/")):
                bare = f"{parts.scheme}://{parts.hostname}{parts.path}"
                detail = ("BlobNotFound", f"There is no blob {bare}.")
                raise EffectFailed("BadRequest", "The request is invalid.", (detail,))


def _writable(body: dict[str, Any]) -> dict[str, Any]:
    """The written properties without what only the server sets."""
    properties = body.get("properties", {})
    if not isinstance(properties, dict):
        raise bad_request("RequestBodyInvalid", "The member 'properties' must be an object.")
    return {name: value for name, value in properties.items() if name not in READ_ONLY}
