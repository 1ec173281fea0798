"""`Microsoft.MachineLearning/webServices`: create, read, patch, delete, list, keys, regional blobs.

Section numbers are those of `reference/arm-webservices.md`; R16 and R17 are its recordings.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

from retrainctl.emulator.arm import definition, rules
from retrainctl.emulator.arm.definition import LARGE, PREVIEW, READ_ONLY
from retrainctl.emulator.arm.dialect import bad_request, not_found
from retrainctl.emulator.arm.encryption import WrongRegion
from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.arm.plans import Plans
from retrainctl.emulator.arm.regions import HOST_PREFIXES, REGIONS, slug
from retrainctl.emulator.arm.skiptoken import next_link, position
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION, service_key
from retrainctl.emulator.operations import EffectFailed, Operation
from retrainctl.emulator.resources import Resource, resource_id
from retrainctl.emulator.routing import Route

TYPE: Final = "Microsoft.MachineLearning/webServices"
_PROVIDER: Final = "/subscriptions/{subscription}/providers/Microsoft.MachineLearning"
_LIST: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearning/webServices"
_LARGE_BYTES: Final = 3 * 1024 * 1024
_MERGED: Final = ("keys", "storageAccount", "realtimeConfiguration", "diagnostics", "machineLearningWorkspace")


class WebServices:
    """The handlers, and the effects that operations have later."""

    def __init__(self, frame: Frame, gateway: Gateway, plans: Plans) -> None:
        self._frame = frame
        self._gateway = gateway
        self._plans = plans
        define = frame.operations.define
        define("webService.put", self._put_done, self._put_abandoned)
        define("webService.patch", self._patch_done, self._abandoned)
        define("webService.delete", self._delete_done, self._abandoned)
        define("webService.regional", self._regional_done)

    def routes(self) -> Iterable[Route]:
        one = _LIST + "/{name}"
        table: list[tuple[str, str, Callable[[Call], Answer]]] = [
            ("GET", _LIST, self._list),
            ("GET", _PROVIDER + "/webServices", self._list),
            ("PUT", one, self._put),
            ("GET", one, self._get),
            ("HEAD", one, self._head),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("GET", one + "/listKeys", self._keys),
            ("POST", one + "/CreateRegionalBlob", self._create_regional),
            ("GET", _PROVIDER + "/locations/{location}/operationresults/{operation}", self._result),
        ]
        for method, pattern, handler in table:
            subscription_list = handler == self._list and pattern != _LIST
            dialect = self._gateway.dialect if subscription_list else self._gateway.provider_dialect
            yield Route(methods=method, pattern=pattern, handler=self._gateway.scoped(handler, TYPE), dialect=dialect)
        yield Route(
            methods="GET",
            pattern=_PROVIDER + "/locations/{location}/operationsStatus/{operation}",
            handler=self._status,
            dialect=self._gateway.provider_dialect,
        )

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
        home = slug(service.head["location"])
        region = home
        if call.query["api-version"] != PREVIEW and call.query.get("region"):
            region = slug(call.query["region"])
            if region != home and region not in service.head["state"]["regions"]:
                raise not_found(
                    "PerRegionPayloadNotFound", f"No payload could be found for the region: {call.query['region']}."
                )
        return Answer(body=self.view(service, call.query["api-version"], region))

    def _head(self, call: Call) -> Answer:
        self.find(call.params["group"], call.params["name"])
        return Answer(status=204)

    def view(self, service: Resource, version: str, region: str) -> dict[str, Any]:
        """A full GET of this version, with secrets encrypted for `region`."""
        large = copy.deepcopy(service.body)
        definition.show_parameters(large, version, region)
        if self._frame.knobs.text("show-credentials") == "strip":
            _strip_credentials(large)
        return _view(service, version, large)

    def _keys(self, call: Call) -> Answer:
        return Answer(body=self.find(call.params["group"], call.params["name"]).secret["keys"])

    def _list(self, call: Call) -> Answer:
        limit = int(self._frame.knobs.number("page-size"))
        found, more = self._frame.resources.page(TYPE, SUBSCRIPTION, call.params.get("group"), position(call), limit)
        version = call.query["api-version"]
        body: dict[str, Any] = {"value": [_view(service, version, {}) for service in found]}
        if more:
            body["nextLink"] = next_link(call, found[-1].seq)
        # A subscription list asks every region (R17: one original request id per region).
        fanned = [] if "group" in call.params else [("x-ms-original-request-ids", str(uuid4())) for _ in REGIONS]
        return Answer(body=body, headers=fanned)

    # Writing

    def _put(self, call: Call) -> Answer:
        version, now = call.query["api-version"], self._frame.clock.now()
        group, name = call.params["group"], call.params["name"]
        rules.check_name(name)
        body = definition.drop_nulls(definition.fold_names(call.json()))
        existing = self._frame.resources.get(service_id(group, name))
        location = rules.check_location(body.get("location"), existing)
        properties = _writable(body)
        rules.check_properties(properties, version, now)
        knobs = self._frame.knobs
        rules.check_put(properties, existing, storage_may_change=knobs.text("put-storage-account") == "allow")
        if existing is not None:
            self._check_idle(existing)
            rules.check_writable(existing)
        if existing is None or existing.head["state"].get("stub"):
            self._check_creation(properties, location)
        self._take_in(properties, location)
        arguments = {"location": location, "tags": body.get("tags"), "properties": properties}
        service = existing or self.new(group, name, location, now)
        service.head["state"]["provisioningState"] = "Provisioning"
        if existing is None:
            service.head["state"]["stub"] = True
        answer_body = _put_answer(service, arguments, version)
        return self._accept(call, "webService.put", service, arguments, 201 if existing is None else 200, answer_body)

    def _check_creation(self, properties: dict[str, Any], location: str) -> None:
        if self._frame.knobs.text("put-incomplete") == "reject":
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
        package_type = self._frame.knobs.text("patch-package-type") == "required"
        rules.check_patch(body, given, service, package_type=package_type)
        self._take_in(properties, service.head["location"])
        before = None
        service.head["state"]["provisioningState"] = "Provisioning"
        service.head["state"]["modifiedOn"] = self._moment_after(service, now)
        if version == PREVIEW:
            before = self.view(service, version, slug(service.head["location"]))
        shown = before or _skeleton(service, {"provisioningState": "Provisioning"})
        arguments = {"tags": body.get("tags"), "properties": properties}
        return self._accept(call, "webService.patch", service, arguments, 200, shown)

    def _delete(self, call: Call) -> Answer:
        group, name = call.params["group"], call.params["name"]
        service = self._frame.resources.get(service_id(group, name))
        location = "South Central US" if service is None else service.head["location"]
        operation = self._frame.operations.start(
            call, "webService.delete", service_id(group, name), slug(location), None
        )
        if service is not None:
            service.head["state"] |= {"provisioningState": "Provisioning", "operation": operation.id}
            self._frame.resources.put(service)
        return Answer(
            status=202, headers=self._poll_headers(call, operation, with_location=True), wrote=operation.id
        )

    def _create_regional(self, call: Call) -> Answer:
        if call.query["api-version"] == PREVIEW:
            raise not_found("OperationNotFound", "CreateRegionalBlob does not exist in this api-version.")
        service = self.find(call.params["group"], call.params["name"])
        region = slug(call.query.get("region", ""))
        if region not in HOST_PREFIXES:
            raise bad_request("InvalidQueryParameter", f"The region '{call.query.get('region', '')}' is not valid.")
        operation = self._frame.operations.start(
            call, "webService.regional", service.id, slug(service.head["location"]), region
        )
        return Answer(status=202, headers=self._poll_headers(call, operation), wrote=operation.id)

    def _check_idle(self, service: Resource) -> None:
        if service.head["state"]["provisioningState"] != "Provisioning":
            return
        if self._frame.knobs.text("write-while-provisioning") == "conflict":
            raise Refusal(
                409,
                "Conflict",
                "The request conflicts with the state of the resource.",
                [("WebServiceProvisioning", f"The web service '{service.name}' is being provisioned.")],
            )

    def _take_in(self, properties: dict[str, Any], location: str) -> None:
        try:
            definition.take_in(properties, slug(location))
        except WrongRegion as error:
            if self._frame.knobs.text("foreign-ciphertext") == "reject":
                raise bad_request(
                    "WebServicePackageError", f"ValidationError: a parameter is encrypted for the region {error}."
                ) from None

    def _accept(
        self, call: Call, effect: str, service: Resource, arguments: Any, status: int, body: dict[str, Any]
    ) -> Answer:
        operation = self._frame.operations.start(call, effect, service.id, slug(service.head["location"]), arguments)
        service.head["state"]["operation"] = operation.id
        self._frame.resources.put(service)
        return Answer(status=status, body=body, headers=self._poll_headers(call, operation), wrote=operation.id)

    def _poll_headers(self, call: Call, operation: Operation, *, with_location: bool = False) -> list[tuple[str, str]]:
        base, version = call.base, call.query["api-version"]
        if self._frame.knobs.fires("foreign-poll-host", call.method, call.path):
            base, version = f"https://{HOST_PREFIXES[operation.place]}.webservicesrp.azureml.net", "2.0"
        path = f"{base}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearning/locations/{operation.place}"
        query = f"?api-version={quote(version)}"
        headers = [
            ("Azure-AsyncOperation", f"{path}/operationsStatus/{operation.id}{query}"),
            ("Azure-AsyncOperationPercentComplete", "0"),
        ]
        if with_location:
            headers.append(("Location", f"{path}/operationresults/{operation.id}{query}"))
        return headers + self._retry_after()

    def _retry_after(self) -> list[tuple[str, str]]:
        seconds = self._frame.knobs.text("retry-after")
        return [("Retry-After", seconds)] if seconds != "0" else []

    # Polling

    def _status(self, call: Call) -> Answer:
        if call.query.get("api-version") == "2.0":
            # The provider's own host, which does not know ARM's callers (R16).
            raise Refusal(
                403,
                "Forbidden",
                "Request is unauthorized to access resource.",
                [("RequestUnauthorized", "Unauthorized")],
            )
        self._gateway.check_version(call, "Microsoft.MachineLearning/locations/operationsStatus")
        operation = self._frame.operations.poll(call.params["operation"])
        if operation is None:
            raise not_found("OperationNotFound", "No operation could be found with the provided id.")
        body = self._status_body(operation)
        return Answer(body=body, headers=[] if body["status"] != "Provisioning" else self._retry_after())

    def _status_body(self, operation: Operation) -> dict[str, Any]:
        now = self._frame.clock.now()
        path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearning/locations/{operation.place}"
        body: dict[str, Any] = {
            "id": f"{path}/operationsStatus/{operation.id}",
            "name": operation.id,
            "status": operation.state,
        }
        if now > operation.queued:
            body["startTime"] = stamp(operation.queued)
        if operation.ended:
            body |= {"startTime": stamp(operation.queued), "endTime": stamp(operation.due), "percentComplete": 1.0}
        else:
            body["percentComplete"] = 0.6 if now > operation.queued else 0.0
        if operation.ended and operation.failure is not None:
            code, message, details = operation.failure
            info: dict[str, Any] = {"code": code, "message": message}
            if details:
                info["details"] = [{"code": inner, "message": text} for inner, text in details]
            form = self._frame.knobs.text("failed-operation")
            body |= {name: info for name in ("errorInfo", "error") if form in (name, "both")}
        return body

    def _result(self, call: Call) -> Answer:
        operation = self._frame.operations.poll(call.params["operation"])
        if operation is None:
            raise not_found("OperationNotFound", "No operation could be found with the provided id.")
        if operation.ended:
            return Answer(status=204)
        headers = self._poll_headers(call, operation, with_location=True)
        return Answer(status=202, headers=[pair for pair in headers if pair[0] != "Azure-AsyncOperation"])

    # Effects

    def _put_done(self, operation: Operation) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is None:
            return
        properties = operation.arguments["properties"]
        self._require_blobs(properties)
        fresh = bool(service.head["state"].pop("stub", False))
        self.fill(service, properties, operation.arguments["tags"], rotate=self._frame.knobs.on("put-rotates-keys"))
        self._finish(service, operation)
        if fresh and "commitmentPlan" in service.secret:
            self._plans.associate(service.secret["commitmentPlan"], service.id, service.head["location"])

    def _patch_done(self, operation: Operation) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is None:
            return
        properties = operation.arguments["properties"]
        self._require_blobs(definition.drop_nulls(properties))
        if operation.arguments["tags"] is not None:
            service.head["tags"] = definition.drop_nulls(operation.arguments["tags"])
        _merge(service, properties, replace_maps=self._frame.knobs.text("patch-maps") == "replace")
        self._measure(service)
        self._finish(service, operation)

    def _finish(self, service: Resource, operation: Operation) -> None:
        state = service.head["state"]
        state["provisioningState"] = "Succeeded"
        state["modifiedOn"] = self._moment_after(service, operation.due)
        if self._frame.knobs.text("regional-after-update") == "drop":
            state["regions"] = []
        self._frame.resources.put(service)

    def _put_abandoned(self, operation: Operation, state: str) -> None:
        """A creation that fails leaves a stub behind (census of R17); a failed overwrite keeps the old content."""
        self._abandoned(operation, state)

    def _abandoned(self, operation: Operation, state: str) -> None:
        service = self._frame.resources.get(operation.subject)
        if service is None:
            return
        service.head["state"]["provisioningState"] = "Succeeded" if state == "Succeeded" else "Failed"
        service.head["state"]["modifiedOn"] = self._moment_after(service, operation.due)
        self._frame.resources.put(service)

    def _delete_done(self, operation: Operation) -> None:
        if self._frame.resources.delete(operation.subject):
            self._plans.dissociate(operation.subject)

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
                raise EffectFailed("BadRequest", "The request is invalid.", (("BlobNotFound", f"There is no blob {bare}."),))

    # Building

    def new(self, group: str, name: str, location: str, now: float) -> Resource:
        """A service without content, as it is while it is being created for the first time."""
        owner = self._frame.resources.get(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}")
        group = owner.name if owner is not None else group
        moment = stamp(now)
        state = {"createdOn": moment, "modifiedOn": moment, "guid": uuid4().hex, "regions": []}
        return Resource(
            id=service_id(group, name),
            type=TYPE,
            subscription=SUBSCRIPTION,
            group=group,
            name=name,
            head={
                "type": TYPE,
                "location": location,
                "tags": {},
                "properties": {"storageAccount": {}},
                "state": {"provisioningState": "Provisioning", **state},
            },
            secret={"keys": {"primary": service_key(), "secondary": service_key()}},
        )

    def fill(self, service: Resource, properties: dict[str, Any], tags: dict[str, Any] | None, *, rotate: bool) -> None:
        """Replace the whole content; secrets go where no answer shows them."""
        properties = dict(properties)
        plan = properties.pop("commitmentPlan", {}).get("id")
        if plan and "commitmentPlan" not in service.secret:
            service.secret["commitmentPlan"] = plan
        if (keys := properties.pop("keys", None)) is not None:
            service.secret["keys"] = keys
        elif rotate:
            service.secret["keys"] = {"primary": service_key(), "secondary": service_key()}
        account = dict(properties.get("storageAccount", service.head["properties"].get("storageAccount", {})))
        if (key := account.pop("key", None)) is not None:
            service.secret["storageKey"] = key
        if account or "storageAccount" in properties:
            properties["storageAccount"] = account
        service.body = {name: properties.pop(name) for name in LARGE if name in properties}
        service.head["properties"] = properties
        service.head["tags"] = tags or {}
        self._measure(service)

    def _measure(self, service: Resource) -> None:
        import orjson

        service.head["state"]["large"] = len(orjson.dumps(service.body)) > _LARGE_BYTES

    def _moment_after(self, service: Resource, moment: float) -> str:
        """`modifiedOn` strictly increases, and lies a little behind the end of the operation (R17)."""
        text = stamp(moment + 0.0675)
        before = str(service.head["state"]["modifiedOn"])
        return text if text > before else stamp(_seconds(before) + 0.0001)


def service_id(group: str, name: str) -> str:
    return resource_id(SUBSCRIPTION, group, TYPE, name)


def _seconds(moment: str) -> float:
    from retrainctl.emulator.clock import parse_moment

    return parse_moment(moment)


def _writable(body: dict[str, Any]) -> dict[str, Any]:
    """The written properties without what only the server sets."""
    properties = body.get("properties", {})
    if not isinstance(properties, dict):
        raise bad_request("RequestBodyInvalid", "The member 'properties' must be an object.")
    return {name: value for name, value in properties.items() if name not in READ_ONLY}


def _skeleton(service: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    head = service.head
    return {
        "id": service.id,
        "name": service.name,
        "type": TYPE,
        "location": head["location"],
        "tags": head.get("tags", {}),
        "properties": properties,
    }


def _put_answer(service: Resource, arguments: dict[str, Any], version: str) -> dict[str, Any]:
    """Section 2.1: 2016 echoes the request with all its secrets, 2017 shows a skeleton."""
    if version == PREVIEW:
        echo = {"provisioningState": "Provisioning", **arguments["properties"]}
        answer = _skeleton(service, definition.ordered(echo, version))
        if arguments["tags"] is None:
            del answer["tags"]
        else:
            answer["tags"] = arguments["tags"]
        return answer
    answer = _skeleton(service, {"payloadsInBlobStorage": False, "provisioningState": "Provisioning"})
    answer["tags"] = arguments["tags"] or {}
    return answer


def _view(service: Resource, version: str, large: dict[str, Any]) -> dict[str, Any]:
    head, state = service.head, service.head["state"]
    members: dict[str, Any] = {
        "provisioningState": state["provisioningState"],
        "createdOn": state["createdOn"],
        "modifiedOn": state["modifiedOn"],
        "swaggerLocation": swagger_location(service),
        "readOnly": False,
        "exposeSampleData": False,
    }
    if version != PREVIEW:
        members |= {"payloadsInBlobStorage": False, "realtimeConfiguration": {"maxConcurrentCalls": 20}}
    members |= head["properties"]
    if version == PREVIEW:
        members.pop("payloadsInBlobStorage", None)
    elif state.get("large"):
        members["payloadsInBlobStorage"] = True
    view = _skeleton(service, definition.ordered(members | large, version))
    if state.get("untagged"):
        del view["tags"]
    return view


def swagger_location(service: Resource) -> str:
    """The only place where the service's own GUID appears; `swaggerLocation` of a seeded service is kept."""
    state = service.head["state"]
    prefix = HOST_PREFIXES.get(slug(service.head["location"]), "ussouthcentral")
    subscription = SUBSCRIPTION.replace("-", "")
    given: str | None = state.get("swaggerLocation")
    return given or (
        f"https://{prefix}.services.azureml.net/subscriptions/{subscription}/services/{state['guid']}/swagger.json"
    )


def _strip_credentials(large: dict[str, Any]) -> None:
    for asset in large.get("assets", {}).values():
        location = asset.get("locationInfo", {})
        location.pop("credentials", None)
        location["uri"] = location.get("uri", "").partition("?")[0]


def _merge(service: Resource, patch: dict[str, Any], *, replace_maps: bool) -> None:
    """Section 6: nested settings merge; whether maps do is a switch; an emptied map vanishes (R17 `parameters`)."""
    patch = dict(patch)
    patch.pop("commitmentPlan", None)
    if (keys := patch.pop("keys", None)) is not None:
        service.secret["keys"] |= {name: value for name, value in keys.items() if value is not None}
    if isinstance(patch.get("storageAccount"), dict):
        account = dict(patch["storageAccount"])
        if (key := account.pop("key", None)) is not None:
            service.secret["storageKey"] = key
        patch["storageAccount"] = account
    for name, value in patch.items():
        holder = service.body if name in LARGE else service.head["properties"]
        if value is None:
            holder.pop(name, None)
        elif name in _MERGED or (isinstance(value, dict) and not replace_maps):
            holder[name] = _merged(holder.get(name, {}), value)
        else:
            holder[name] = value
        if name in LARGE and holder.get(name) == {}:
            del holder[name]


def _merged(before: Any, patch: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(patch, dict):
        return patch
    merged = dict(before)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
