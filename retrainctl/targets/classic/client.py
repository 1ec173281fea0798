"""One method per operation of the management API, and nothing more (classic-api.md section 4).

Keys and SAS tokens leave a document before anybody sees it; only `access` gives an endpoint's key out, as a `Secret`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from retrainctl.definition.endpoint import proper
from retrainctl.fastclass import dataclass
from retrainctl.model.values import MISSING, Json, JsonObject, Missing, Secret
from retrainctl.ports import NotFound, TargetError, Unavailable
from retrainctl.targets.azure.bucket import Pause
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.pipeline import Answer, Pipeline
from retrainctl.targets.classic.catalogue import explain
from retrainctl.targets.classic.ids import Place

UNCHANGED: Final = 304
"""The answer to a refresh of an endpoint that is as `default` already: nothing was done (4.9)."""

_DONE: Final = range(200, 300)
_REFRESHED: Final = frozenset({*_DONE, UNCHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAccess:
    """What scoring and batch jobs of an endpoint need. `api_location` is as read, never built."""

    api_location: str
    primary: Secret
    secondary: Secret


class ClassicClient:
    """The calls of one workspace.

    auth: gives the workspace's token; asked at the first call, so that nobody needs a token for what is not called.
    """

    def __init__(self, *, pipeline: Pipeline, management: str, workspace: str, auth: Callable[[], Auth]) -> None:
        self.pipeline = pipeline
        self.management = management.rstrip("/")
        self.workspace = workspace
        self._auth = auth

    # Web services

    def services(self) -> list[JsonObject]:
        """Every web service; 204 says that there is none."""
        return self._list(self._services, "list Classic web services")

    def service(self, identifier: str) -> JsonObject | None:
        """One web service by its id; None when there is none."""
        return self._one(Place(workspace=self.workspace, service=identifier), f"read Classic web service {identifier}")

    def delete_service(self, identifier: str, *, pause: Pause | None = None) -> Answer:
        """Removes a web service with all its endpoints."""
        url = self._url(Place(workspace=self.workspace, service=identifier))
        return self._call("DELETE", url, "delete", f"delete Classic web service {identifier}", pause=pause)

    # Endpoints

    def endpoints(self, service: str) -> list[JsonObject]:
        """Every endpoint of a web service, in one call."""
        place = Place(workspace=self.workspace, service=service)
        return self._list(f"{self._url(place)}/endpoints", f"list the endpoints of Classic web service {service}")

    def endpoint(self, place: Place, *, pause: Pause | None = None) -> JsonObject | None:
        """One endpoint; None when there is none, which the service may say by 204 (4.6)."""
        return self._one(place, f'read endpoint "{place.endpoint}"', pause=pause)

    def create_endpoint(self, place: Place, body: Json, *, pause: Pause | None = None) -> Answer:
        """What a PUT on an existing name does is not documented: look first."""
        what = f'create endpoint "{place.endpoint}"'
        return self._call("PUT", self._url(place), "create", what, body=body, pause=pause)

    def patch_endpoint(self, place: Place, body: Json, *, call: str, pause: Pause | None = None) -> Answer:
        """Sets what `body` holds. Sent again after a lost answer: the values are absolute (section 7)."""
        what = f'update endpoint "{place.endpoint}"'
        return self._call("PATCH", self._url(place), call, what, body=body, pause=pause, harmless=True)

    def refresh_endpoint(self, place: Place, body: Json, *, pause: Pause | None = None) -> Answer:
        """Gives an endpoint the graph of `default`; 304 when it has it already."""
        url, what = f"{self._url(place)}/refresh", f'refresh endpoint "{place.endpoint}"'
        return self._call("POST", url, "refresh", what, body=body, pause=pause, expect=_REFRESHED)

    def delete_endpoint(self, place: Place, *, pause: Pause | None = None) -> Answer:
        what = f'delete endpoint "{place.endpoint}"'
        return self._call("DELETE", self._url(place), "delete", what, pause=pause, harmless=True)

    def access(self, place: Place) -> EndpointAccess | None:
        """Address and keys of an endpoint, for scoring and for jobs; None when there is none.

        The redactor learns the keys. Raises `Unavailable` (RC321) when the answer has no address.
        """
        found = self._raw(place, f'read the keys of endpoint "{place.endpoint}"')
        if found is None:
            return None
        location = found.get("ApiLocation")
        if not isinstance(location, str) or not location:
            raise Unavailable(f'endpoint "{place.endpoint}" shows no ApiLocation', code="RC321")
        keys = [Secret(str(found.get(name) or "")) for name in ("PrimaryKey", "SecondaryKey")]
        for key in keys:
            self.pipeline.redactor.learn(key)
        return EndpointAccess(api_location=location.rstrip("/"), primary=keys[0], secondary=keys[1])

    # Calls

    @property
    def _services(self) -> str:
        return f"{self.management}/workspaces/{quote(self.workspace, safe='')}/webservices"

    def _url(self, place: Place) -> str:
        return f"{self.management}{place.path}"

    def _list(self, url: str, what: str) -> list[JsonObject]:
        answer = self._call("GET", url, "read", what)
        items = answer.json() if answer.body else []
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unavailable(
                f"cannot {what}: the answer is not a list of objects",
                code="RC321",
                hint="A proxy or gateway may stand before the service: check the address and the proxy settings.",
                request_id=answer.request_id,
            )
        return [proper(item) for item in items]

    def _one(self, place: Place, what: str, *, pause: Pause | None = None) -> JsonObject | None:
        found = self._raw(place, what, pause=pause)
        return None if found is None else proper(found)

    def _raw(self, place: Place, what: str, *, pause: Pause | None = None) -> JsonObject | None:
        """As answered, keys included; None for 404, and for an answer without body, as 204 is."""
        try:
            answer = self._call("GET", self._url(place), "read", what, pause=pause)
        except NotFound:
            return None
        return answer.object() if answer.body else None

    def _call(
        self,
        method: str,
        url: str,
        call: str,
        what: str,
        *,
        body: Json | Missing = MISSING,
        pause: Pause | None = None,
        expect: Any = _DONE,
        harmless: bool = False,
    ) -> Answer:
        try:
            return self.pipeline.call(
                method, url, what=what, auth=self._auth(), body=body, pause=pause, expect=expect, harmless=harmless
            )
        except TargetError as error:
            explain(error, call)
            raise
