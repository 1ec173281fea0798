"""The one HTTP pipeline: `call` sends a request with everything that DESIGN.md sections 7 and 9 ask of it.

azure-core's chain with our policies. The chain ends every call in an answer that was expected or in a `TargetError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.redaction import Redactor
from retrainctl.model.values import MISSING, Json, JsonObject, Missing
from retrainctl.ports import Clock, TargetError, Unavailable
from retrainctl.targets.azure.bucket import Bucket, Pause
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.hosts import HostRules, origin_of
from retrainctl.targets.azure.retry import RetryRules
from retrainctl.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.pipeline.policies import HTTPPolicy, SansIOHTTPPolicy
    from azure.core.pipeline.transport import HttpTransport
    from azure.core.rest import HttpRequest, HttpResponse

USER_AGENT: Final = f"retrainctl/{__version__}"
_JSON: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that was expected. `headers` are matched without regard to case; `method` and `url` are the call."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    method: str
    url: str
    request_id: str | None

    def json(self) -> Any:
        """The body as JSON; raises `Unavailable` (RC321) when it is none."""
        try:
            return json.loads(self.body.decode("utf-8-sig"))
        except (UnicodeDecodeError, ValueError) as error:
            raise self._strange("is not JSON") from error

    def object(self) -> JsonObject:
        """The body as a JSON object; raises `Unavailable` (RC321) when it is none."""
        data = self.json()
        if not isinstance(data, dict):
            raise self._strange("is not a JSON object")
        return data

    def _strange(self, what: str) -> Unavailable:
        host = origin_of(self.url).host
        return Unavailable(
            f"the answer of {host} {what} (status {self.status}, {len(self.body)} bytes)",
            code="RC321",
            hint=f"A proxy or gateway may stand before {host}: check the address and the proxy settings.",
            status=self.status,
            request_id=self.request_id,
        )


class Pipeline:
    """Sends requests for every target of a process. Thread-safe.

    bucket: the process's one rate. hosts: who may be given a credential. chance: random numbers in [0, 1) for jitter.
    transport: azure-core's seam; `LightTransport` outside tests.
    """

    def __init__(
        self,
        *,
        transport: HttpTransport[HttpRequest, HttpResponse],
        hosts: HostRules,
        bucket: Bucket,
        clock: Clock,
        redactor: Redactor,
        chance: Callable[[], float],
        rules: RetryRules | None = None,
    ) -> None:
        from azure.core.pipeline import Pipeline as Chain

        self.transport = transport
        self.bucket = bucket
        self.clock = clock
        self.redactor = redactor
        self._hosts = hosts
        self._chance = chance
        self._rules = rules or RetryRules()
        self._chain = Chain(transport, self.policies())

    def policies(self, auth: Auth | None = None) -> list[HTTPPolicy[Any, Any] | SansIOHTTPPolicy[Any, Any]]:
        """A new chain's policies, for a client of azure-mgmt-* over the same rate and rules; `auth` is its default."""
        from azure.core.pipeline.policies import RequestIdPolicy, UserAgentPolicy

        from retrainctl.targets.azure.policies import Authenticate, LogCalls, SafeRetry, TakeTurns

        return [
            RequestIdPolicy(),
            UserAgentPolicy(base_user_agent=USER_AGENT, user_agent_use_env=False, user_agent_overwrite=True),
            SafeRetry(self._rules, self.bucket, self.clock, self._chance),
            TakeTurns(self.bucket, self.clock),
            Authenticate(self._hosts, auth),
            LogCalls(self.redactor, self.clock),
        ]

    def call(
        self,
        method: str,
        url: str,
        *,
        what: str,
        auth: Auth | None = None,
        body: Json | Missing = MISSING,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = range(200, 300),
        harmless: bool = False,
        pause: Pause | None = None,
        lane: str | None = None,
        read_timeout: float | None = None,
        address: Address | None = None,
    ) -> Answer:
        """Sends one request and gives its answer.

        what: the deed for error messages, e.g. `read web service "x"`. body: sent as JSON; content: sent as it is.
        expect: statuses that are answers; any other is an error. harmless: a call that may be sent again although its
        method says otherwise (a POST that only asks). pause: sleeps between attempts; its exceptions pass through.
        lane: what the service throttles as one (default: the host). Raises `TargetError`.
        """
        from azure.core.rest import HttpRequest

        if body is not MISSING:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers = {"Content-Type": _JSON, **(headers or {})}
        options: dict[str, Any] = {"auth": auth, "harmless": harmless, "pause": pause, "read_timeout": read_timeout}
        if lane is not None:
            options["lane"] = lane
        with self.told(what, address):
            origin = origin_of(url)
            request = HttpRequest(
                method, url, headers={"Accept": "application/json", **(headers or {})}, content=content
            )
            response = self._chain.run(request, **options).http_response
            from retrainctl.targets.azure.errors import from_answer, request_id_of

            if response.status_code not in expect:
                raise from_answer(response.status_code, response.headers, response.content, origin)
            return Answer(
                status=response.status_code,
                headers=response.headers,
                body=response.content,
                method=method,
                url=url,
                request_id=request_id_of(response.headers),
            )

    @contextmanager
    def told(self, what: str, address: Address | None = None) -> Iterator[None]:
        """Failures inside leave as `TargetError` that says what was tried, redacted; azure-core's are translated."""
        from azure.core.exceptions import AzureError

        try:
            yield
        except TargetError as error:
            self._tell(error, what, address)
            raise
        except AzureError as error:
            raise self._tell(_translated(error), what, address) from error

    def close(self) -> None:
        """Closes kept connections."""
        self.transport.close()

    def _tell(self, error: TargetError, what: str, address: Address | None) -> TargetError:
        error.message = self.redactor.clean(f"cannot {what}: {error.message}")
        error.args = (error.message,)
        error.address = error.address or address
        return error


def _translated(error: Any) -> TargetError:
    """For clients of azure-mgmt-* over our policies: what those let through is an answer."""
    from retrainctl.targets.azure.errors import from_exception

    response = getattr(error, "response", None)
    url = getattr(getattr(response, "request", None), "url", None) or "https://azure.invalid"
    return from_exception(error, origin_of(url)).error
