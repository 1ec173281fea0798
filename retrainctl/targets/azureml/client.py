"""The calls on one workspace: get, list, put, delete by ARM id, waiting, and scoring (azureml-v2.md sections 3 and 9).

Through `Pipeline.call` and not through azure-mgmt-resource's generic client, as for web services: that one sleeps 30 s
between polls, repeats any 4xx that carries Retry-After, and gives the operation's document for a resource (section 3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from retrainctl.model.values import MISSING, Json, JsonObject, Missing, Secret
from retrainctl.ports import NotFound, Performed, Rejected, Unavailable, Waiter
from retrainctl.targets.arm.operations import Operations, Patience
from retrainctl.targets.azure.bucket import Pause
from retrainctl.targets.azure.credentials import Auth, KeyAuth
from retrainctl.targets.azure.hosts import origin_of
from retrainctl.targets.azure.pipeline import Answer, Pipeline

DEPLOYMENT_HEADER: Final = "azureml-model-deployment"
SCORING_SCOPE: Final = "https://ml.azure.com/.default"
"""What Microsoft Entra is asked for a scoring token (azureml-v2.md section 9)."""

_STATUS_PATH: Final = re.compile(
    r"/subscriptions/[^/]+/providers/Microsoft\.MachineLearningServices/locations/[^/]+"
    r"/mfeOperations(?:Status|Results)/[^/]+",
    re.IGNORECASE,
)
_PAGES: Final = 10_000
_SCORING_SECONDS: Final = 180.0


class AzuremlClient:
    """The calls of one workspace on one management host.

    scope: the workspace's ARM id. scoring_auth: for endpoints that take Microsoft Entra tokens. reroute: the address
    that a scoring URI is called at (the emulator's own instead of Azure's).
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        endpoint: str,
        scope: str,
        auth: Auth,
        api_version: str,
        scoring_auth: Auth | None = None,
        reroute: Callable[[str], str] = str,
        patience: Patience | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.endpoint = endpoint.rstrip("/")
        self.scope = scope
        self.api_version = api_version
        self._auth = auth
        self._scoring_auth = scoring_auth
        self._reroute = reroute
        self.operations = Operations(
            endpoint=self.endpoint,
            api_version=api_version,
            clock=pipeline.clock,
            get=lambda url, what, waiter: self._call("GET", url, what=what, pause=waiter.pause),
            clean=pipeline.redactor.clean,
            patience=patience or Patience(longest=10.0),
            status_path=_STATUS_PATH,
        )

    @property
    def workspace_id(self) -> str:
        """The workspace's ARM id."""
        return self.scope

    def get(self, path: str, pause: Pause | None = None) -> JsonObject | None:
        """A resource by its ARM id; None when it is not there."""
        try:
            return self._call("GET", self.url(path), what=f"read {_name(path)}", pause=pause).object()
        except NotFound:
            return None

    def put(self, path: str, body: Json, pause: Pause | None = None) -> JsonObject:
        """Writes what is written at once (models, versions, codes)."""
        return self.start("PUT", path, body, pause).object()

    def list(self, path: str, **query: str) -> Iterator[JsonObject]:
        """The items of a collection, every page. A `nextLink` to another host is not followed."""
        following: str | None = self.url(path, **query)
        seen: set[str] = set()
        while following is not None:
            if following in seen or len(seen) >= _PAGES:
                raise Unavailable(
                    f"cannot list {_name(path)}: the service names the same page as the next again", code="RC321"
                )
            seen.add(following)
            page = self._call("GET", following, what=f"list {_name(path)}").object()
            items = page.get("value")
            yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict))
            link = page.get("nextLink")
            following = link if isinstance(link, str) and link else None
            if following is not None and origin_of(following) != origin_of(self.endpoint):
                raise Unavailable(
                    f"the list of {_name(path)} goes on at an address that is not on this host; it is not followed",
                    code="RC321",
                )

    def start(self, method: str, path: str, body: Json | Missing = MISSING, pause: Pause | None = None) -> Answer:
        """Begins a write; its first answer proves nothing."""
        deed = {"PUT": "write", "PATCH": "update", "DELETE": "delete"}.get(method, "call")
        return self._call(method, self.url(path), what=f"{deed} {_name(path)}", body=body, pause=pause)

    def finish(self, start: Answer, path: str, waiter: Waiter) -> Performed:
        """Waits for the result of what `start` began on the resource `path`."""
        return self.operations.finish(start, self.url(path), waiter, deletion=start.method == "DELETE")

    def logs(self, deployment: str, container: str = "InferenceServer", tail: int = 60) -> str:
        """The last lines of a deployment's container log."""
        answer = self._call(
            "POST",
            self.url(f"{deployment}/getLogs"),
            what=f"read the log of {_name(deployment)}",
            body={"containerType": container, "tail": tail},
        )
        return str(answer.object().get("content") or "")

    def score(
        self, endpoint: JsonObject, request: Json, deployment: str | None = None, pause: Pause | None = None
    ) -> Any:
        """Sends a scoring request to an endpoint, given as read; `deployment` overrules its traffic.

        The key or token is asked for here, for this call alone. Raises `TargetError`.
        """
        properties: Any = endpoint.get("properties") or {}
        uri = properties.get("scoringUri")
        name = endpoint.get("name")
        if not isinstance(uri, str) or not uri:
            raise Rejected(f"endpoint {name} has no scoring address yet", code="RC398", sent=False)
        headers = {} if deployment is None else {DEPLOYMENT_HEADER: deployment}
        answer = self.pipeline.call(
            "POST",
            self._reroute(uri),
            what=f"score {name}" + ("" if deployment is None else f" (deployment {deployment})"),
            auth=self._scorer(str(endpoint.get("id")), str(properties.get("authMode") or "")),
            body=request,
            headers=headers,
            harmless=True,
            pause=pause,
            read_timeout=_SCORING_SECONDS,
        )
        return answer.json()

    def ask_batch(
        self,
        method: str,
        uri: str,
        *,
        what: str,
        body: Json | Missing = MISSING,
        deployment: str | None = None,
        pause: Pause | None = None,
    ) -> JsonObject:
        """A call below the address of a batch endpoint, which takes Microsoft Entra tokens alone."""
        headers = {} if deployment is None else {DEPLOYMENT_HEADER: deployment}
        if method == "POST":
            # As Microsoft's client sends it: should the request arrive twice, it is known to be one.
            headers["repeatability_request-id"] = str(uuid4())
        answer = self.pipeline.call(
            method, self._reroute(uri), what=what, auth=self._scoring_auth, body=body, headers=headers, pause=pause
        )
        return answer.object()

    def _scorer(self, path: str, mode: str) -> Auth | None:
        if mode.casefold() == "aadtoken":
            return self._scoring_auth
        verb, member = ("token", "accessToken") if mode.casefold() == "amltoken" else ("listKeys", "primaryKey")
        what = f"read the {'token' if verb == 'token' else 'keys'} of {_name(path)}"
        found = self._call("POST", self.url(f"{path}/{verb}"), what=what, harmless=True).object().get(member)
        if not isinstance(found, str) or not found:
            raise Rejected(f"{_name(path)} gives out no key to score with", code="RC398", sent=False)
        secret = Secret(found)
        self.pipeline.redactor.learn(secret)
        return KeyAuth(secret=secret)

    def url(self, path: str, **query: str) -> str:
        """The address of an ARM id."""
        text = urlencode({"api-version": self.api_version, **query}, quote_via=quote, safe="$")
        return f"{self.endpoint}{quote(path, safe='/')}?{text}"

    def _call(
        self,
        method: str,
        url: str,
        *,
        what: str,
        body: Json | Missing = MISSING,
        pause: Pause | None = None,
        harmless: bool = False,
    ) -> Answer:
        return self.pipeline.call(method, url, what=what, auth=self._auth, body=body, pause=pause, harmless=harmless)


def at_base(base: str, uri: str) -> str:
    """A scoring URI as an emulator at `base` serves it: the endpoint's host name leads its path."""
    parts = urlsplit(uri)
    host = (parts.hostname or "").partition(".")[0]
    return f"{base.rstrip('/')}/inference/{host}{parts.path}" if parts.hostname not in _LOCAL else uri


_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def _name(path: str) -> str:
    """What messages call a resource: the end of its id."""
    parts = path.rstrip("/").split("/")
    return "/".join(parts[9:]) if len(parts) > 9 else path


def value_of(document: Mapping[str, Any], *path: str) -> Any:
    """A member some levels down; None where there is none."""
    node: Any = document
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node
