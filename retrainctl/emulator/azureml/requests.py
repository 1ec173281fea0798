"""What deployments were asked: counted, and written into their logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrainctl.emulator.azureml.workspace import PATTERN, Provider, Workspace, moment
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

LIVE: Final = "SCORE"
MIRRORED: Final = "MIRROR"
_DEPLOYMENT: Final = PATTERN + "/onlineEndpoints/{endpoint}/deployments/{deployment}"
_KEPT: Final = 1000
_TAIL: Final = 100
_STEPS: Final = ("SystemSetup", "UserContainerImagePull", "ModelDownload", "UserContainerStart")


class Requests:
    """Kept in memory, as the counters are."""

    def __init__(self, workspace: Workspace, dialect: Provider) -> None:
        self._workspace = workspace
        self._dialect = dialect
        self._lines: dict[str, deque[str]] = {}

    def routes(self) -> Iterable[Route]:
        scoped = self._workspace.scoped
        yield Route(methods="POST", pattern=_DEPLOYMENT + "/getLogs", handler=scoped(self._logs), dialect=self._dialect)
        yield Route(methods="GET", pattern=_DEPLOYMENT + "/skus", handler=scoped(self._skus), dialect=self._dialect)

    def answered(self, deployment: Resource, verb: str, status: int) -> None:
        """Notes one request, `SCORE` or `MIRROR`, and what the container said; `counters` shows it by deployment.

        A real container's log does not tell a mirrored request from another; this one does.
        """
        frame = self._workspace.frame
        endpoint = deployment.id.split("/")[-3]
        frame.tally.note(verb, f"/inference/{endpoint}/deployments/{deployment.name}", done=status < 400)
        line = f'{moment(frame.clock.now())} I gunicorn.access - "POST /score HTTP/1.1" {status}'
        lines = self._lines.setdefault(deployment.key, deque(maxlen=_KEPT))
        lines.append(line if verb == LIVE else f"{line} (mirrored)")

    def forget(self, identifier: str = "") -> None:
        """The lines of an endpoint or a deployment that is gone, or all."""
        key = identifier.lower()
        for one in [one for one in self._lines if one == key or one.startswith(f"{key}/")]:
            del self._lines[one]

    def _logs(self, call: Call) -> Answer:
        """The container's start and its last requests; an empty body object is enough (R25)."""
        found = self._workspace.find(call.path.rpartition("/")[0])
        wish = call.json() if call.body else {}
        ended = "Failed" if found.body["properties"]["provisioningState"] == "Failed" else "Succeeded"
        head = [f"{step}: {ended if step == _STEPS[-1] else 'Succeeded'}" for step in _STEPS]
        lines = [] if wish.get("containerType") == "StorageInitializer" else self._tail(found, wish)
        content = "\n".join(("Instance status:", *head, "", "Container logs:", *lines, ""))
        return Answer(body={"content": content})

    def _tail(self, found: Resource, wish: Mapping[str, Any]) -> list[str]:
        tail = wish.get("tail")
        count = tail if isinstance(tail, int) and tail > 0 else _TAIL
        return list(self._lines.get(found.key, ()))[-count:]

    def _skus(self, call: Call) -> Answer:
        """How many instances there may be (R24); the name is in lower case here."""
        self._workspace.find(call.path.rpartition("/")[0])
        item = {
            "resourceType": "Microsoft.MachineLearning.Services/endpoints/deployments",
            "sku": {"name": "default", "tier": "Standard"},
            "capacity": {"minimum": 1, "maximum": 50, "default": 3, "scaleType": "Automatic"},
        }
        return Answer(body={"value": [item]})
