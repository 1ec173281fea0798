"""Our policies in azure-core's chain: try again, take turns, say who we are, log. Every attempt passes the last three.

Options of a call (azure-core hands them down in `request.context.options`): `auth`, `harmless`, `pause`, `lane`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

from azure.core.credentials import SupportsTokenInfo
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, HTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse

from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import Redactor, without_query
from retrainctl.ports import Clock
from retrainctl.targets.azure.bucket import Bucket, Pause
from retrainctl.targets.azure.credentials import Auth, KeyAuth
from retrainctl.targets.azure.errors import Failure, from_exception, from_trouble, request_id_of
from retrainctl.targets.azure.fault import read_fault
from retrainctl.targets.azure.hosts import HostRules, origin_of
from retrainctl.targets.azure.retry import RetryRules, Trouble, delay, may_repeat, retry_after, trouble_of

Outgoing = PipelineRequest[HttpRequest]
Incoming = PipelineResponse[HttpRequest, HttpResponse]
Policy = HTTPPolicy[HttpRequest, HttpResponse]

_LOG = logging.getLogger("retrainctl.http")


@dataclass(slots=True)
class _Attempts:
    """How far one call is."""

    made: int = 0
    unconnected: int = 0
    refused: int = 0
    waited: float = 0.0


class SafeRetry(Policy):
    """Sends a call again where `retry.py` allows it, and ends every failed call in a `TargetError`.

    A 4xx answer that is final passes as an answer: the caller knows what it means.
    """

    def __init__(self, rules: RetryRules, bucket: Bucket, clock: Clock, chance: Callable[[], float]) -> None:
        super().__init__()
        self._rules = rules
        self._bucket = bucket
        self._clock = clock
        self._chance = chance

    def send(self, request: Outgoing) -> Incoming:
        options = request.context.options
        harmless = bool(options.pop("harmless", False))
        pause: Pause = options.get("pause") or self._clock.sleep
        lane: str = options.setdefault("lane", origin_of(request.http_request.url).host)
        # Policies below take their options out; each attempt needs them again.
        kept = dict(options)
        so_far = _Attempts()
        while True:
            options.update(kept)
            so_far.made += 1
            asked: float | None = None
            try:
                response = self.next.send(request)
            except AzureError as error:
                failure = from_exception(error, origin_of(request.http_request.url))
            else:
                http = response.http_response
                if http.status_code < 400:
                    return response
                trouble = trouble_of(http.status_code, http.headers, read_fault(http.content, http.headers).codes)
                if trouble is Trouble.FINAL:
                    return response
                failure = from_trouble(trouble, http)
                asked = retry_after(http.headers, self._clock.now())
                if asked is not None and trouble is Trouble.REFUSED_FOR_NOW:
                    self._bucket.hold(lane, asked)
            wait = self._wait(request.http_request.method, failure, so_far, asked, harmless)
            if wait is None:
                raise failure.error
            so_far.waited += wait
            pause(wait)

    def _wait(
        self, method: str, failure: Failure, so_far: _Attempts, asked: float | None, harmless: bool
    ) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        rules = self._rules
        so_far.unconnected += failure.trouble is Trouble.NOT_SENT
        so_far.refused += failure.trouble is Trouble.REFUSED_FOR_NOW
        if not may_repeat(method, failure.trouble, harmless=harmless):
            return None
        if so_far.unconnected >= rules.connects or so_far.refused >= rules.refusals:
            return None
        if so_far.made - so_far.refused >= rules.attempts:
            return None
        wait = delay(rules, so_far.made, asked, self._chance())
        if so_far.waited + wait > rules.budget:
            if asked is not None:
                failure.error.hint = f"The service asks to wait {asked:.0f} s: run again after that."
            return None
        return wait


class TakeTurns(Policy):
    """Each attempt takes a token and a slot of the process's one bucket."""

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        super().__init__()
        self._bucket = bucket
        self._clock = clock

    def send(self, request: Outgoing) -> Incoming:
        options = request.context.options
        pause: Pause = options.pop("pause", None) or self._clock.sleep
        with self._bucket.turn(options.pop("lane"), pause):
            return self.next.send(request)


class Authenticate(Policy):
    """Checks where the call goes, then adds the credential: a key, or a token by azure-core's own bearer policy.

    That policy answers claims challenges; a new instance a call keeps its token from being shared without a lock.
    """

    def __init__(self, hosts: HostRules, default: Auth | None = None) -> None:
        super().__init__()
        self._hosts = hosts
        self._default = default

    def send(self, request: Outgoing) -> Incoming:
        auth: Auth | None = request.context.options.pop("auth", None) or self._default
        http = request.http_request
        self._hosts.check(http.url, credential=auth is not None)
        if auth is None:
            return self.next.send(request)
        if isinstance(auth, KeyAuth):
            http.headers[auth.header] = auth.prefix + auth.secret.reveal()
            return self.next.send(request)
        # The check above is the stricter one: http only to this machine.
        request.context["enforce_https"] = False
        policy: BearerTokenCredentialPolicy[HttpRequest, HttpResponse] = BearerTokenCredentialPolicy(
            cast("SupportsTokenInfo", auth.source), auth.scope, enable_cae=True
        )
        policy.next = self.next
        response = policy.send(request)
        if response.http_response.status_code == 401:
            auth.source.forget()
        return response


class LogCalls(Policy):
    """One line per attempt at debug level on `retrainctl.http`: no query, no header, no body, and redacted."""

    def __init__(self, redactor: Redactor, clock: Clock) -> None:
        super().__init__()
        self._redactor = redactor
        self._clock = clock

    def send(self, request: Outgoing) -> Incoming:
        if not _LOG.isEnabledFor(logging.DEBUG):
            return self.next.send(request)
        http = request.http_request
        start = self._clock.monotonic()
        outcome = "no answer"
        try:
            response = self.next.send(request)
            answer = response.http_response
            outcome = f"{answer.status_code} (request id {request_id_of(answer.headers)})"
            return response
        except AzureError as error:
            outcome = type(error).__name__
            raise
        finally:
            took = (self._clock.monotonic() - start) * 1000
            _LOG.debug(
                "%s",
                self._redactor.clean(f"{http.method} {without_query(http.url)} -> {outcome} in {took:.0f} ms"),
            )
