"""Endpoints, deployments and traffic of a workspace, read and written (implements `ports.Writer`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeVar

from retrainctl.definition.azureml import SLOT, model_of
from retrainctl.definition.azureml_ids import DEPLOYMENTS, canonical, owner
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange, Step
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject
from retrainctl.ports import Performed, Reading, TargetError, Waiter
from retrainctl.targets.azureml.client import AzuremlClient
from retrainctl.targets.azureml.performing import Performing, outcome_of
from retrainctl.targets.azureml.planner import AzuremlPlanner
from retrainctl.targets.azureml.reading import (
    BATCH_DEFAULT,
    COLLECTIONS,
    DEPLOYMENT,
    DEPLOYMENTS_OF,
    TRAFFIC,
    facts,
    identity_of,
    observe,
)

_T = TypeVar("_T")
_PARTS: Final = frozenset({TRAFFIC, BATCH_DEFAULT})
"""Kinds that are a part of an endpoint: there, and empty, before it is."""


class Reads(Protocol):
    """The calls that reading needs; `path` is an ARM id."""

    def get(self, path: str, /) -> JsonObject | None:
        """The resource, None when it is not there. Raises `TargetError`."""

    def list(self, path: str, /) -> Iterator[JsonObject]:
        """The items of a collection. Raises `TargetError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzuremlReader:
    """Reads a workspace. scope: its ARM id. parallel: lists at one time."""

    client: Reads
    scope: str
    parallel: int = 8

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """One call per collection: the endpoints, and the deployments of each endpoint that something is wanted of.

        Model versions that slots shall move to are asked for one by one, each once. Raises `TargetError` when nothing
        can be read at all.
        """
        identities = {desired.address: identity_of(desired, self.scope) for desired in wanted}
        endpoints: dict[str, JsonObject] = {}
        for collection in sorted({COLLECTIONS[desired.address.kind] for desired in wanted}):
            for item in self.client.list(f"{self.scope}/{collection}"):
                endpoints[canonical(str(item.get("id")), self.scope).casefold()] = item
        owners = {
            owner(identity).casefold(): owner(identity)
            for address, identity in identities.items()
            if address.kind in DEPLOYMENTS_OF or address.kind in _PARTS
        }
        listed = [key for key in owners if key in endpoints]
        found = self._parallel(lambda key: self._deployments(owners[key]), listed)
        deployments = dict(zip(listed, found, strict=True))
        observed: dict[Address, Observed] = {}
        for desired in wanted:
            address, key = desired.address, owner(identities[desired.address]).casefold()
            endpoint = endpoints.get(key)
            if endpoint is None and address.kind not in _PARTS:
                continue
            seen = observe(address, identities[address], endpoint or {}, deployments.get(key, {}), self.scope)
            if seen is not None:
                observed[address] = seen
        return Reading(
            observed=observed,
            identities=identities,
            facts=facts(wanted, identities, endpoints, deployments, self._missing(wanted, observed)),
        )

    def reread(self, address: Address, identity: str) -> Observed | None:
        """Reads one resource again; None when it is not there."""
        endpoint = self.client.get(owner(identity))
        if endpoint is None:
            return None
        if address.kind not in DEPLOYMENTS_OF:
            return observe(address, identity, endpoint, {}, self.scope)
        return observe(address, identity, endpoint, self._deployments(owner(identity)), self.scope)

    def _deployments(self, endpoint: str) -> dict[str, JsonObject]:
        return {str(item.get("name")): item for item in self.client.list(f"{endpoint}/{DEPLOYMENTS}")}

    def _missing(self, wanted: Sequence[Desired], observed: Mapping[Address, Observed]) -> list[str]:
        """The registered versions that deployments shall move to and that are not there, in lower case."""
        asked: dict[str, str] = {}
        served = {
            (model_of(document, self.scope) or "").casefold()
            for found in observed.values()
            if found.address.kind == DEPLOYMENT
            for document in _documents(found)
        }
        for desired in wanted:
            version = desired.slots.get(SLOT)
            if version is None or version.uri is None or version.file is not None:
                continue
            live = observed.get(desired.address)
            if live is not None and (state := live.slots.get(SLOT)) is not None and state.uri == version.uri:
                continue
            if version.uri.casefold().startswith(self.scope.casefold()) and version.uri.casefold() not in served:
                asked[version.uri.casefold()] = version.uri
        there = self._parallel(self.client.get, list(asked.values()))
        return [key for key, document in zip(asked, there, strict=True) if document is None]

    def _parallel(self, work: Callable[[str], _T], items: Sequence[str]) -> Iterable[_T]:
        if len(items) < 2 or self.parallel < 2:
            return [work(item) for item in items]
        pool = ThreadPoolExecutor(max_workers=min(self.parallel, len(items)), thread_name_prefix="azureml-read")
        try:
            return list(pool.map(work, items))
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzuremlTarget:
    """Reads and writes through an `AzuremlClient`.

    planner: makes the bodies, so that what is sent is what was planned. parallel: lists at one time.
    """

    client: AzuremlClient
    planner: AzuremlPlanner
    parallel: int = 8

    @property
    def scope(self) -> str:
        """The workspace's ARM id."""
        return self.planner.settings.scope

    # Reading

    @property
    def _reader(self) -> AzuremlReader:
        return AzuremlReader(client=self.client, scope=self.scope, parallel=self.parallel)

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """As `AzuremlReader.read`."""
        return self._reader.read(wanted)

    def reread(self, address: Address, identity: str) -> Observed | None:
        """Reads one resource again; None when it is not there."""
        return self._reader.reread(address, identity)

    def backup(self, observed: Observed) -> tuple[bytes, bytes]:
        """What serves, as read; beside it the endpoint with its traffic. Keys are never read."""
        document: Any = observed.document
        if observed.address.kind != DEPLOYMENT:
            return _json(document), b"{}"
        return _json(document["deployments"][document["serving"]]), _json(document)

    # Writing

    def perform(self, change: ResourceChange, step: Step, observed: Observed | None, waiter: Waiter) -> Performed:
        """Carries out one step against what stands there now; a step whose effect is there already sends nothing."""
        try:
            return Performing(self.client, self.planner, change, waiter).step(step)
        except TargetError as error:
            error.address = change.address
            return Performed(outcome=outcome_of(error), request_id=error.request_id, error=error)

    def settle(self, operation: str, waiter: Waiter) -> Performed:
        """Asks what became of an operation of an earlier run. Its signature was not kept, and whether the service
        answers without it is not known: what is not told is found out by reading."""
        return self.client.operations.settle(operation, waiter)


def _documents(observed: Observed) -> Iterable[JsonObject]:
    document: Any = observed.document
    found: Iterable[JsonObject] = document["deployments"].values()
    return found


def _json(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, indent=2).encode()
