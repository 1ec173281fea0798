"""Classic web services and their endpoints, read and written (implements `ports.Writer`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from retrainctl.definition.encoding import pretty
from retrainctl.definition.endpoint import observe
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange, Step
from retrainctl.model.environment import ClassicSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound, Outcome, Performed, Reading, Rejected, TargetError, Unavailable, Waiter
from retrainctl.targets.azure.bucket import Pause
from retrainctl.targets.azure.pipeline import Answer
from retrainctl.targets.classic.client import UNCHANGED, ClassicClient
from retrainctl.targets.classic.defaults import Defaults
from retrainctl.targets.classic.hosts import hosts_of
from retrainctl.targets.classic.ids import SERVICE, Place, parse
from retrainctl.targets.classic.planner import ClassicPlanner
from retrainctl.targets.classic.reading import Estate, find_service, observe_service, read_estate, wanted_services
from retrainctl.targets.classic.requests import StepName

_UNKNOWN: Final = "$unknown"
_IDENTICAL: Final = "the endpoint was as `default` already: the service did nothing (304)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicTarget:
    """Reads and writes through a `ClassicClient`.

    planner: makes the bodies, so that what is sent is what was planned. token: a blob's SAS token by its URI.
    defaults: the default endpoints, each read once a process. parallel: lists at one time.
    """

    client: ClassicClient
    planner: ClassicPlanner
    token: Callable[[str], str]
    defaults: Defaults
    parallel: int = 8

    @property
    def settings(self) -> ClassicSettings:
        return self.planner.settings

    # Reading

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """One call for the services, one for the endpoints of each service that is wanted, however many those are.

        Raises `TargetError` when nothing can be read at all, `InvalidInput` for a location that is not known.
        """
        hosts_of(self.settings)
        services = self.client.services()
        found: dict[str, JsonObject] = {}
        for reference in wanted_services(wanted):
            try:
                service = find_service(reference, services)
            except TargetError:
                continue  # said by `read_estate`, with the resource that wants it
            found[str(service["Id"])] = service
        lists = self._parallel(self.client.endpoints, list(found))
        endpoints = dict(zip(found, lists, strict=True))
        for identifier, service in found.items():
            self.defaults.learn(service, endpoints[identifier])
        return read_estate(wanted, Estate(services=services, endpoints=endpoints), self.settings)

    def reread(self, address: Address, identity: str) -> Observed | None:
        """Reads one resource again, by one call; None when it is not there."""
        return self._read(address, parse(identity), None)

    def backup(self, observed: Observed) -> tuple[bytes, bytes]:
        """The object as read, without keys and tokens; there is nothing beside it."""
        return pretty(observed.document), b"{}"

    def _read(self, address: Address, place: Place, pause: Pause | None) -> Observed | None:
        if address.kind == SERVICE:
            service = self.client.service(place.service)
            return None if service is None else observe_service(address, str(place), service)
        document = self.client.endpoint(place, pause=pause)
        if document is None:
            return None
        return observe(address, str(place), document, default=self.defaults.of(place.service))

    def _parallel(self, work: Callable[[str], list[JsonObject]], items: Sequence[str]) -> Iterable[list[JsonObject]]:
        if len(items) < 2 or self.parallel < 2:
            return [work(item) for item in items]
        pool = ThreadPoolExecutor(max_workers=min(self.parallel, len(items)), thread_name_prefix="classic-read")
        try:
            return list(pool.map(work, items))
        finally:
            pool.shutdown(cancel_futures=True)

    # Writing

    def perform(self, change: ResourceChange, step: Step, observed: Observed | None, waiter: Waiter) -> Performed:
        """Sends one step's call. The service answers when it is done: nothing is left to wait for."""
        place, name = parse(change.identity), StepName(step.id)
        try:
            body = self.planner.body(change, name, place, self.token)
            _refuse_holes(body)
            answer = self._send(place, name, body, waiter.pause)
        except TargetError as error:
            error.address = change.address
            if name is StepName.DELETE and isinstance(error, NotFound):
                return Performed(outcome=Outcome.DONE, request_id=error.request_id)
            return Performed(outcome=_after_error(error), request_id=error.request_id, error=error)
        waiter.sent(None, answer.request_id)
        note = _IDENTICAL if answer.status == UNCHANGED else ""
        return Performed(outcome=Outcome.DONE, request_id=answer.request_id, note=note)

    def settle(self, operation: str, waiter: Waiter) -> Performed:
        """The management API has no operations that could be asked about."""
        error = Rejected(
            "a Classic workspace has no operations to ask about", code="RC322", hint="Plan again.", sent=False
        )
        return Performed(outcome=Outcome.FAILED, error=error)

    def _send(self, place: Place, step: StepName, body: Any, pause: Pause) -> Answer:
        client = self.client
        match step:
            case StepName.CREATE:
                return client.create_endpoint(place, body, pause=pause)
            case StepName.REFRESH:
                return client.refresh_endpoint(place, body, pause=pause)
            case StepName.DELETE:
                return client.delete_endpoint(place, pause=pause)
            case StepName.UPDATE | StepName.PATCH:
                return client.patch_endpoint(place, body, call=step, pause=pause)


def _refuse_holes(body: Any) -> None:
    """A planned body that the plan could not fill must not be sent as it stands."""
    if isinstance(body, Mapping):
        if _UNKNOWN in body:
            raise Rejected(
                f"the plan does not hold {body[_UNKNOWN]}",
                code="RC326",
                hint="Upload the model and declare its `uri`, then plan again.",
                sent=False,
            )
        for item in body.values():
            _refuse_holes(item)
    elif isinstance(body, list):
        for item in body:
            _refuse_holes(item)


def _after_error(error: TargetError) -> Outcome:
    """A write that was not sent, or was refused, has failed; one without a clear answer (5xx too) may be done."""
    unclear = error.status is None or isinstance(error, Unavailable)
    return Outcome.UNKNOWN if error.sent and unclear else Outcome.FAILED
