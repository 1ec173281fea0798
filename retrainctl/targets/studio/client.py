"""What every room of the Studio API uses: addresses, reading, sending (classic-api.md sections 3 and 6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from retrainctl.fastclass import dataclass
from retrainctl.model.change import Request
from retrainctl.model.values import MISSING, JsonObject
from retrainctl.ports import TargetError, Unavailable
from retrainctl.targets.azure.bucket import Pause
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.pipeline import Answer, Pipeline

STUDIO_HEADER: Final = "x-ms-metaanalytics-authorizationtoken"
"""Where the Studio API takes the workspace's token, without `Bearer` (section 3)."""


_ACCESS: Final = (
    "Check `workspace` and `token` in the environment's `classic:`;"
    " Studio shows the token under Settings > Authorization Tokens."
)
_HINTS: Final = {
    "RC301": _ACCESS,
    "RC302": "Check the id, and `workspace` and `location` in the environment's `classic:`.",
    "RC303": "Somebody changed it in the meantime: look at it, then run the command again.",
    "RC310": _ACCESS,
}
"""By error code, in place of hints that speak of subscriptions, resource groups and plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioClient:
    """One workspace by its Studio API.

    studio: the API's base with `/api`, no closing slash. auth: gives the token; asked at the first call.
    """

    pipeline: Pipeline
    studio: str
    workspace: str
    auth: Callable[[], Auth]

    def url(self, *parts: str, **query: str) -> str:
        """An address inside the workspace: `url("experiments", id)`; parts and query values are quoted."""
        path = "".join(f"/{quote(part, safe='')}" for part in parts)
        return f"{self.studio}/workspaces/{quote(self.workspace, safe='')}{path}{_query(query)}"

    def upload_url(self, collection: str, **query: str) -> str:
        """An address of `resourceuploads` or `blobuploads`, where the workspace stands behind."""
        return f"{self.studio}/{collection}/workspaces/{quote(self.workspace, safe='')}/{_query(query)}"

    def read(self, url: str, what: str, *, pause: Pause | None = None) -> Any:
        """The JSON value at an address; None where the answer has no body. Raises `TargetError`."""
        answer = self.call("GET", url, what, pause=pause)
        return answer.json() if answer.body else None

    def object(self, url: str, what: str, *, pause: Pause | None = None) -> JsonObject:
        """The JSON object at an address. Raises `TargetError`; `Unavailable` (RC321) for anything else."""
        return self.call("GET", url, what, pause=pause).object()

    def items(self, url: str, what: str) -> list[JsonObject]:
        """The list of objects at an address; empty where the answer has no body. Raises as `object`."""
        answer = self.call("GET", url, what)
        found = answer.json() if answer.body else []
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise Unavailable(
                f"cannot {what}: the answer is not a list of objects",
                code="RC321",
                hint="A proxy or gateway may stand before the service: check the address and the proxy settings.",
                request_id=answer.request_id,
            )
        return found

    def send(
        self,
        request: Request,
        what: str,
        *,
        pause: Pause | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Sends a write as `--what-if` shows it. Never repeated after a lost answer.

        etag: only if the item still is the one of this ETag. Raises `TargetError`.
        """
        body: Any = request.body
        content = b"" if body is MISSING else None
        headers = {"If-Match": etag} if etag else None
        return self.call(request.method, request.path, what, body=body, content=content, headers=headers, pause=pause)

    def call(self, method: str, url: str, what: str, **more: Any) -> Answer:
        """As `Pipeline.call`, with the workspace's token; an error says what to look at in a workspace."""
        try:
            return self.pipeline.call(method, url, what=what, auth=self.auth(), **more)
        except TargetError as error:
            error.hint = _HINTS.get(error.code, error.hint)
            raise


def told_id(answer: Answer, member: str = "Id") -> str | None:
    """The id in an answer: a JSON string (section 6), a document's member, or bare; None where there is none."""
    text = answer.body.decode("utf-8-sig", "replace").strip()
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = text
    if isinstance(found, Mapping):
        found = found.get(member)
    return found if isinstance(found, str) and found and not found.isspace() and "<" not in found else None


def _query(query: dict[str, str]) -> str:
    return f"?{urlencode(query, quote_via=quote)}" if query else ""
