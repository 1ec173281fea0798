"""Keys and tokens: got late, shared by all threads, never sent where they do not belong."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from retrainctl.ports import AuthFailed, Rejected
from retrainctl.targets.azure.connect import management_auth
from retrainctl.targets.azure.credentials import IdentitySource, SharedTokens, TokenAuth
from tests.support.wire import ARM, FakeClock, Reply, arm_error, wire

SCOPE = f"{ARM}/.default"


class Source:
    """Gives tokens t1, t2 ... that live for an hour of the fake clock; counts how often it is asked."""

    def __init__(self, clock: FakeClock, error: Exception | None = None) -> None:
        self.clock = clock
        self.error = error
        self.asked: list[tuple[tuple[str, ...], dict]] = []

    def get_token_info(self, *scopes, options=None) -> AccessTokenInfo:
        self.asked.append((scopes, dict(options or {})))
        if self.error is not None:
            raise self.error
        # azure-core's policy looks at the real clock, so the token outlives that one.
        return AccessTokenInfo(f"t{len(self.asked)}", int(self.clock.now().timestamp()) + 3600)


def token_auth(source: Source) -> TokenAuth:
    return management_auth(SharedTokens(source, source.clock), ARM)


def test_a_token_is_asked_for_once_and_again_before_it_ends() -> None:
    line = wire(lambda call: Reply(200, {}))
    source = Source(line.clock)
    auth = token_auth(source)
    line.call(auth=auth)
    line.call(auth=auth)
    line.clock.sleep(3600 - 301)
    line.call(auth=auth)
    line.clock.sleep(2)
    line.call(auth=auth)
    assert [call.headers["Authorization"] for call in line.calls] == ["Bearer t1"] * 3 + ["Bearer t2"]
    assert source.asked[0][0] == (SCOPE,)


def test_eight_threads_that_start_together_ask_once() -> None:
    line = wire(lambda call: Reply(200, {}))
    source = Source(line.clock)
    auth = token_auth(source)
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        line.call(auth=auth)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(line.calls) == 8
    assert len(source.asked) == 1


def test_a_refused_token_is_not_used_again() -> None:
    line = wire([Reply(401, arm_error("ExpiredAuthenticationToken", "x")), Reply(200, {})])
    auth = token_auth(Source(line.clock))
    with pytest.raises(AuthFailed):
        line.call(auth=auth)
    line.call(auth=auth)
    assert [call.headers["Authorization"] for call in line.calls] == ["Bearer t1", "Bearer t2"]


def test_a_claims_challenge_is_answered_with_a_new_token() -> None:
    challenge = 'Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ=="'
    line = wire([Reply(401, None, {"WWW-Authenticate": challenge}), Reply(200, {})])
    source = Source(line.clock)
    assert line.call(auth=token_auth(source)).status == 200
    assert source.asked[1][1]["claims"] == '{"a":1}'


def test_a_token_is_not_even_asked_for_when_the_host_may_not_have_it() -> None:
    line = wire([])
    source = Source(line.clock)
    for url in ("https://evil.example/x", "http://management.azure.com/x"):
        with pytest.raises(Rejected):
            line.call("GET", url, auth=token_auth(source))
    assert source.asked == []
    assert line.calls == []


def test_a_token_goes_over_http_to_this_machine_only() -> None:
    local = "http://127.0.0.1:8123"
    line = wire([Reply(200, {})], hosts=(local,))
    line.call("GET", f"{local}/x", auth=token_auth(Source(line.clock)))
    assert line.calls[0].headers["Authorization"] == "Bearer t1"


NOTHING_FOUND = (
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
    "\tEnvironmentCredential: EnvironmentCredential authentication unavailable.\n\tAzureCliCredential: not found"
)
REFUSED = (
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
    "\tEnvironmentCredential: Authentication failed: AADSTS7000215: Invalid client secret provided."
)


@pytest.mark.parametrize(
    ("error", "code", "text", "hint"),
    [
        (ClientAuthenticationError(NOTHING_FOUND), "RC308", "no credentials", "az login"),
        (ClientAuthenticationError(REFUSED), "RC309", "AADSTS7000215", "secret"),
        (ServiceRequestError("no connection to login"), "RC309", "no connection to login", "sign-in host"),
        (ValueError("authority must be https"), "RC309", "authority must be https", "AZURE_AUTHORITY_HOST"),
    ],
)
def test_without_credentials_nothing_is_sent_and_the_way_to_sign_in_is_named(error, code, text, hint) -> None:
    line = wire([])
    with pytest.raises(AuthFailed) as caught:
        line.call(auth=token_auth(Source(line.clock, error)))
    assert caught.value.code == code
    assert text in caught.value.message
    assert hint in (caught.value.hint or "")
    assert not caught.value.sent
    assert line.clock.sleeps == []


def test_azure_identity_is_built_at_the_first_token_with_tenant_authority_and_authorities(tmp_path) -> None:
    built: list[dict] = []
    clock = FakeClock()

    def make(**settings) -> Source:
        built.append(settings)
        return Source(clock)

    source = IdentitySource(authority="login.example", tenant="t-1", ca_file=tmp_path / "ca.pem", make=make)
    assert built == []
    source.get_token_info(SCOPE)
    source.get_token_info(SCOPE)
    assert built == [
        {
            "authority": "login.example",
            "additionally_allowed_tenants": ["t-1"],
            "connection_verify": str(tmp_path / "ca.pem"),
        }
    ]


def test_importing_the_pipeline_and_calling_with_a_key_never_imports_azure_identity() -> None:
    code = (
        "import sys\n"
        "from tests.support.wire import Reply, wire\n"
        "from retrainctl.targets.arm import target\n"
        "from retrainctl.targets.azure import connect\n"
        "wire([Reply(200, {})]).call()\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'msal', 'requests', 'cryptography'}),\n"
        "      'azure.identity' in sys.modules, 'azure.mgmt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False False"


def test_planning_imports_no_azure_package_at_all() -> None:
    code = (
        "import sys\n"
        "import retrainctl.targets.arm.planner, retrainctl.targets.arm.target, retrainctl.targets.azure.connect\n"
        "import retrainctl.wiring.secrets\n"
        "print([m for m in sys.modules if m == 'azure' or m.startswith('azure.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
