"""Asynchronous operations as the service runs them (arm-webservices.md section 3).

Not azure-mgmt-resource's poller: that one sends the token to whatever host `Azure-AsyncOperation` names (one recorded
DELETE named the provider's own host, which answered 403), ignores `Retry-After: 0`, sleeps 30 s otherwise, cannot be
told to stop, and forgets the initiating call's request id. Here a foreign address is rebuilt on our host with our
api-version; if the operation is not known there, the resource itself is polled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import without_query
from retrainctl.model.values import JsonObject
from retrainctl.ports import (
    AuthFailed,
    Clock,
    Conflict,
    NotFound,
    Outcome,
    Performed,
    Rejected,
    TargetError,
    Throttled,
    Unavailable,
    Waiter,
)
from retrainctl.targets.azure.fault import fault_of
from retrainctl.targets.azure.hosts import origin_of
from retrainctl.targets.azure.pipeline import Answer
from retrainctl.targets.azure.retry import retry_after

_STATUS_PATH: Final = re.compile(
    r"/subscriptions/[^/]+/providers/Microsoft\.MachineLearning/locations/[^/]+/operationsStatus/[^/]+", re.IGNORECASE
)
_ENDED: Final = frozenset({"succeeded", "failed", "canceled"})
_POLLS_WITHOUT_ANSWER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How an operation is waited for: seconds before the first poll, growth, longest interval, end of all waiting.

    A create took 6 to 14 s, a patch 5 to 10, a delete 1 to 2 (recorded); one resource was `Provisioning` for months.
    """

    first: float = 0.2
    growth: float = 1.5
    longest: float = 5.0
    total: float = 1800.0


class Operations:
    """Follows operations on one management host.

    endpoint: the host's base address. get: an authenticated GET of an absolute URL on it: (url, deed, waiter).
    status_path: what the path of an operation of this provider looks like.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        api_version: str,
        clock: Clock,
        get: Callable[[str, str, Waiter], Answer],
        clean: Callable[[str], str],
        patience: Patience | None = None,
        status_path: re.Pattern[str] = _STATUS_PATH,
    ) -> None:
        self._endpoint = endpoint
        self._api_version = api_version
        self._clock = clock
        self._get = get
        self._clean = clean
        self._patience = patience or Patience()
        self._status_path = status_path

    def finish(self, start: Answer, resource: str, waiter: Waiter, *, deletion: bool = False) -> Performed:
        """Waits for the end of what `start` began on `resource` (its URL); a 2xx first answer proves nothing.

        Tells `waiter` the operation before the first wait; lets `StopWaiting` out.
        """
        url = self.status_url(start)
        operation = None if url is None else without_query(url)
        waiter.sent(operation, start.request_id)
        run = _Run(operation=operation, request_id=start.request_id, asked=self._asked(start))
        if url is not None:
            ended = self._until_ended(run, waiter, lambda: self._ask(url, run, waiter))
            if ended is not None:
                return ended
        return self._by_resource(run, resource, waiter, deletion=deletion)

    def settle(self, operation: str, waiter: Waiter) -> Performed:
        """Asks what became of an operation of an earlier run; the address is rebuilt on our host."""
        found = self._status_path.fullmatch(urlsplit(operation).path)
        if found is None:
            error = Rejected(
                f"this is not an operation of a web service: {without_query(operation)[:200]!r}",
                code="RC322",
                sent=False,
            )
            return Performed(outcome=Outcome.UNKNOWN, operation=without_query(operation), error=error)
        run = _Run(operation=without_query(operation), request_id=None, asked=0.0)
        ended = self._until_ended(run, waiter, lambda: self._ask(self._rebuilt(found[0]), run, waiter))
        return ended or run.unknown(run.lost)

    def status_url(self, start: Answer) -> str | None:
        """Where the operation is asked about, always on our host; None when the answer names nothing usable."""
        named = start.headers.get("azure-asyncoperation")
        if not named:
            return None
        try:
            if origin_of(named) == origin_of(self._endpoint):
                return named
        except Rejected:
            return None
        found = self._status_path.fullmatch(urlsplit(named).path)
        return None if found is None else self._rebuilt(found[0])

    def _asked(self, answer: Answer) -> float | None:
        """Seconds that the service wants until the next poll; `Retry-After: 0` means soon, not a busy loop."""
        seconds = retry_after(answer.headers, self._clock.now())
        return None if seconds is None else max(seconds, self._patience.first)

    def _rebuilt(self, path: str) -> str:
        return f"{self._endpoint}{path}?api-version={self._api_version}"

    def _until_ended(self, run: _Run, waiter: Waiter, ask: Callable[[], Performed | None]) -> Performed | None:
        """Polls until `ask` gives an end; None when the operation is not known here."""
        patience = self._patience
        deadline = self._clock.monotonic() + patience.total
        interval, silent = patience.first, 0
        while True:
            waiter.pause(interval if run.asked is None else run.asked)
            interval = min(patience.longest, interval * patience.growth)
            run.asked = None
            try:
                ended = ask()
                silent = 0
            except (Unavailable, Throttled) as error:
                silent += 1
                if silent >= _POLLS_WITHOUT_ANSWER:
                    return run.unknown(error)
                ended = None
            except (NotFound, AuthFailed, Rejected, Conflict) as error:
                run.lost = error
                return None
            if ended is not None:
                return ended
            if self._clock.monotonic() >= deadline:
                return run.unknown(
                    Unavailable(
                        f"the operation has not ended after {patience.total / 60:.0f} minutes",
                        code="RC323",
                        hint="It may still end: look at the resource later, or run `retrainctl apply --resume`.",
                    )
                )

    def _ask(self, url: str, run: _Run, waiter: Waiter) -> Performed | None:
        """One poll of the status address. The key is `status` in traffic and `provisioningState` in the description."""
        answer = self._get(url, "ask for the operation's result", waiter)
        run.asked = self._asked(answer)
        return self._judge(run, answer.object())

    def _judge(self, run: _Run, body: JsonObject) -> Performed | None:
        word = body.get("status") or body.get("provisioningState")
        status = word.casefold() if isinstance(word, str) else ""
        if status not in _ENDED:
            return None
        if status == "succeeded":
            return Performed(outcome=Outcome.DONE, operation=run.operation, request_id=run.request_id)
        return Performed(
            outcome=Outcome.FAILED,
            operation=run.operation,
            request_id=run.request_id,
            error=self._failure(status, body, run.request_id),
        )

    def _failure(self, status: str, body: JsonObject, request_id: str | None) -> TargetError:
        fault = fault_of(body) if ("error" in body or "errorInfo" in body) else None
        said = fault.sentence() if fault is not None else None
        name = fault.specific if fault is not None else None
        return Rejected(
            self._clean(
                f"the service took the request, but the operation ended {status}"
                + (f" with {name}" if name else "")
                + (f": {said}" if said else "")
            ),
            code="RC324" if status == "canceled" else "RC325",
            hint="Nothing of it went live. See the reason above; `retrainctl plan` shows what is live.",
            service_code=name,
            request_id=request_id,
        )

    def _by_resource(self, run: _Run, resource: str, waiter: Waiter, *, deletion: bool) -> Performed:
        """Polls the resource: a deletion ends with 404, a write with a final `provisioningState`."""

        def ask() -> Performed | None:
            try:
                answer = self._get(resource, "look whether the operation has ended", waiter)
            except NotFound as error:
                if deletion:
                    return Performed(outcome=Outcome.DONE, operation=run.operation, request_id=run.request_id)
                return Performed(
                    outcome=Outcome.FAILED, operation=run.operation, request_id=run.request_id, error=error
                )
            if deletion:
                return None
            run.asked = self._asked(answer)
            properties = answer.object().get("properties")
            return self._judge(run, properties if isinstance(properties, dict) else {})

        ended = self._until_ended(run, waiter, ask)
        return ended or run.unknown(run.lost)


@dataclass(slots=True, kw_only=True)
class _Run:
    """What is known of one operation while it is waited for. `asked`: seconds that the service wants between polls."""

    operation: str | None
    request_id: str | None
    asked: float | None = None
    lost: TargetError | None = None

    def unknown(self, error: TargetError | None) -> Performed:
        if error is not None and self.request_id is not None:
            error.request_id = self.request_id
        return Performed(outcome=Outcome.UNKNOWN, operation=self.operation, request_id=self.request_id, error=error)


class PlainWaiter:
    """Waits by the clock and hears nothing: for single commands outside a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def pause(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def sent(self, operation: str | None, request_id: str | None) -> None:
        """Nobody keeps it."""
