"""Asynchronous operations of the provider: where a write sends its caller, and what is answered there (section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from retrainctl.emulator.azureml.workspace import GUID, LOCATION, PROVIDER, Provider, moment
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import SUBSCRIPTION
from retrainctl.emulator.operations import Operation
from retrainctl.emulator.routing import Route

_PLACE: Final = f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/locations/{LOCATION}"
_PATTERN: Final = "/subscriptions/{subscription}/providers/" + PROVIDER + "/locations/{location}"
_NEVER: Final = "0001-01-01T00:00:00+00:00"
_SIGNATURE: Final = f"&t=638574889365369493&c={'C' * 2700}&s={'S' * 430}&h={'H' * 43}"
"""As long as a real one; whether an operation can be polled without it is not known, so here it can."""
_BRIEF: Final = "bdbes:"
"""Operations on batch deployments tell their state alone (R23)."""


class Polling:
    """Headers of accepted writes, and the poll addresses."""

    def __init__(self, frame: Frame, dialect: Provider) -> None:
        self._frame = frame
        self._dialect = dialect

    def routes(self) -> Iterable[Route]:
        for form in ("mfeOperationsStatus", "mfeOperationResults"):
            yield Route(
                methods="GET",
                pattern=f"{_PATTERN}/{form}/{{operation}}",
                handler=self._status,
                dialect=self._dialect,
            )

    def address(self, call: Call, operation: str, kind: str, form: str = "mfeOperationsStatus") -> str:
        """The address without a signature. kind: `oeidp` an online endpoint, `odidp` a deployment, `be`, `bdbes`."""
        version = quote(call.query["api-version"])
        return f"{call.base}{_PLACE}/{form}/{kind}:{GUID}:{operation}?api-version={version}"

    def signed(self, call: Call, operation: str, kind: str, form: str = "mfeOperationsStatus") -> str:
        """The address as headers carry it: since 2024 with about 3,200 characters of signature (section 3)."""
        return self.address(call, operation, kind, form) + _SIGNATURE

    def headers(self, call: Call, operation: Operation, kind: str, *, result: bool = False) -> list[tuple[str, str]]:
        """As recorded: both addresses for a DELETE (`result`), no Retry-After unless it is switched on."""
        headers = [
            ("Azure-AsyncOperation", self.signed(call, operation.id, kind)),
            ("x-ms-async-operation-timeout", "PT30M"),
        ]
        if result:
            headers.append(("Location", self.signed(call, operation.id, kind, "mfeOperationResults")))
        return headers + self.retry_after()

    def retry_after(self) -> list[tuple[str, str]]:
        seconds = self._frame.knobs.text("retry-after")
        return [("Retry-After", seconds)] if seconds != "0" else []

    def _status(self, call: Call) -> Answer:
        """The operation's document, for both addresses: a PATCH's final answer is no resource (R24)."""
        name = call.params["operation"]
        operation = self._frame.operations.poll(name.rpartition(":")[2])
        if operation is None:
            message = f"There is no operation with id {name.rpartition(':')[2]}"
            raise Refusal(404, "NotFound", "The specified resource was not found.", [("OperationNotFound", message)])
        body: dict[str, Any] = {
            "id": f"{_PLACE}/mfeOperationsStatus/{name}",
            "name": name,
            "status": operation.state if operation.ended else "Updating",
        }
        if not name.startswith(_BRIEF):
            ended = moment(operation.due) if operation.ended else _NEVER
            body |= {"startTime": moment(operation.started), "endTime": ended, "percentComplete": 0.0}
        if operation.ended and operation.failure is not None:
            code, message, details = operation.failure
            inner = [{"code": one, "message": text, "details": [], "additionalInfo": []} for one, text in details]
            body["error"] = {"code": code, "message": message, "details": inner}
        running = "mfeOperationResults" in call.path and not operation.ended
        return Answer(status=202 if running else 200, body=body, headers=[] if operation.ended else self.retry_after())
