"""`Azure-AsyncOperation`: where a write sends its caller, and what is answered there (section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from retrainctl.emulator.arm.dialect import not_found
from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.arm.regions import HOST_PREFIXES
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.operations import Operation
from retrainctl.emulator.routing import Route

_PROVIDER: Final = "/subscriptions/{subscription}/providers/Microsoft.MachineLearning/locations/{location}"
_KIND: Final = "Microsoft.MachineLearning/locations/operationsStatus"


class Polling:
    """Headers of accepted writes, and the two poll addresses."""

    def __init__(self, frame: Frame, gateway: Gateway) -> None:
        self._frame = frame
        self._gateway = gateway

    def routes(self) -> Iterable[Route]:
        dialect = self._gateway.provider_dialect
        yield Route(
            methods="GET",
            pattern=_PROVIDER + "/operationsStatus/{operation}",
            handler=self._status,
            dialect=dialect,
        )
        yield Route(
            methods="GET",
            pattern=_PROVIDER + "/operationresults/{operation}",
            handler=self._gateway.scoped(self._result, _KIND),
            dialect=dialect,
        )

    def headers(self, call: Call, operation: Operation, *, with_location: bool = False) -> list[tuple[str, str]]:
        """PUT, PATCH and POST have no `Location`, DELETE has both (R16, R17); `Retry-After` only if switched on."""
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

    def _status(self, call: Call) -> Answer:
        if call.query.get("api-version") == "2.0":
            # The provider's own host, which does not know ARM's callers (R16).
            details = [("RequestUnauthorized", "Unauthorized")]
            raise Refusal(403, "Forbidden", "Request is unauthorized to access resource.", details)
        self._gateway.check_subscription(call)
        self._gateway.check_version(call, _KIND)
        operation = self._poll(call)
        return Answer(body=self._body(operation), headers=[] if operation.ended else self._retry_after())

    def _poll(self, call: Call) -> Operation:
        operation = self._frame.operations.poll(call.params["operation"])
        if operation is None:
            raise not_found("OperationNotFound", "No operation could be found with the provided id.")
        return operation

    def _body(self, operation: Operation) -> dict[str, Any]:
        """The key is `status`; `startTime` is missing while the operation waits in the queue (R17)."""
        path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearning/locations/{operation.place}"
        body: dict[str, Any] = {
            "id": f"{path}/operationsStatus/{operation.id}",
            "name": operation.id,
            "status": operation.state,
        }
        if operation.ended:
            body |= {"startTime": stamp(operation.queued), "endTime": stamp(operation.due), "percentComplete": 1.0}
        elif self._frame.clock.now() > operation.queued:
            body |= {"startTime": stamp(operation.queued), "percentComplete": 0.6}
        else:
            body["percentComplete"] = 0.0
        if operation.ended and operation.failure is not None:
            code, message, details = operation.failure
            info: dict[str, Any] = {"code": code, "message": message}
            if details:
                info["details"] = [{"code": inner, "message": text} for inner, text in details]
            form = self._frame.knobs.text("failed-operation")
            body |= {name: info for name in ("errorInfo", "error") if form in (name, "both")}
        return body

    def _result(self, call: Call) -> Answer:
        """Never fetched in the recordings; answered as ARM's `Location` polling is documented."""
        operation = self._poll(call)
        if operation.ended:
            return Answer(status=204)
        headers = self.headers(call, operation, with_location=True)
        return Answer(status=202, headers=[pair for pair in headers if not pair[0].startswith("Azure-Async")])
