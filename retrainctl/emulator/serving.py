"""What a services URL stands for: asked by the room that scores and runs jobs, answered by those that keep services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One callable service, as it is now.

    Attributes:
        owner: the name under which its model copies and jobs are kept; the same for as long as it lives.
        properties: the definition's `package`, `assets`, `input`, `output`, `parameters`, `exampleRequest`. The URI of
            each resource is where it is served from now: for an endpoint that was patched, the patched one.
        keys: what is accepted as a Bearer key.
        most_calls: scoring calls at one time (`maxConcurrentCalls`).
        account: the storage account for results without an address of their own.
        endpoint: name of a Classic endpoint, "" for a New service.
    """

    owner: str
    title: str
    description: str
    properties: Mapping[str, Any]
    keys: tuple[str, ...]
    most_calls: int = 20
    account: str = "mlstudiostorage"
    endpoint: str = ""


@runtime_checkable
class ServiceSource(Protocol):
    """A room that keeps services. The scoring room asks every room of the frame that has this method."""

    def serving(self, flavour: str, scope: str, service: str) -> Serving | None:
        """The service behind `/FLAVOUR/SCOPE/services/SERVICE`, None when this room does not know it.

        Args:
            flavour: `workspaces` (Classic: scope is the workspace, service the endpoint's own id) or `subscriptions`
                (New: scope is the subscription without dashes, service the GUID without dashes).
        """
        ...


@runtime_checkable
class UsageMeter(Protocol):
    """A room that bills what its services do. The scoring room tells every room of the frame that has this method."""

    def used(self, owner: str, transactions: int, seconds: float) -> None:
        """A service of this `Serving.owner` has answered; `seconds` of computing."""
        ...
