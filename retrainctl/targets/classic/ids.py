"""Identities: paths of the management API below its host. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from retrainctl.fastclass import dataclass

SERVICE: Final = "ClassicWebService"
ENDPOINT: Final = "Endpoint"

_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_IDENTITY: Final = re.compile(
    r"/workspaces/(?P<workspace>[^/]+)/webservices/(?P<service>[^/]+)(?:/endpoints/(?P<name>.+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A web service of a workspace, or one of its endpoints. `str()` is its identity, names as they are."""

    workspace: str
    service: str
    endpoint: str | None = None

    def __str__(self) -> str:
        below = "" if self.endpoint is None else f"/endpoints/{self.endpoint}"
        return f"/workspaces/{self.workspace}/webservices/{self.service}{below}"

    @property
    def path(self) -> str:
        """The identity as it stands in a URL."""
        service = _service_path(self.workspace, self.service)
        return service if self.endpoint is None else f"{service}/endpoints/{quote(self.endpoint, safe='')}"


@lru_cache(maxsize=256)
def _service_path(workspace: str, service: str) -> str:
    return f"/workspaces/{quote(workspace, safe='')}/webservices/{quote(service, safe='')}"


@lru_cache(maxsize=256)
def parse(identity: str) -> Place:
    """Reads an identity; raises `ValueError` for anything else."""
    match = _IDENTITY.fullmatch(identity)
    if match is None:
        raise ValueError(f"not a Classic web service or endpoint: {identity!r}")
    return Place(workspace=match["workspace"], service=match["service"], endpoint=match["name"])


def is_service_id(text: str) -> bool:
    """Whether a text has the form of a web service id; what has another form can only be a name."""
    return _ID.fullmatch(text) is not None
