"""Single checks of `doctor`, on hand-made environments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retrainctl.codes import doctor
from retrainctl.diagnostics import Severity
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, AzuremlSettings, ClassicSettings, Environment, Project
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import Secret
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.doctoring import books, network, services, settings, storage, subscription
from retrainctl.operations.doctoring.checks import CHECKS
from retrainctl.operations.doctoring.report import Check, Fact, Patient, Said, examine, problem
from retrainctl.ports import AuthFailed, Reading
from retrainctl.wiring.reaching import Reached, reach

CENSUS = Address("WebService", "census")
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
ENVIRONMENT = Environment(
    name="prod",
    arm=ArmSettings(subscription="s", resource_group="g", location="Mars North"),
    classic=ClassicSettings(workspace="0" * 32, location="West Europe", token=Secret("t")),
)


class _Quiet:
    def progress(self, progress: object) -> None: ...

    def note(self, message: str) -> None: ...


def _patient(**more: Any) -> Patient:
    desired = Desired(
        address=Address("WebService", "census"),
        place={"name": "census", "resourceGroup": "models"},
        fields={"commitmentPlan": {"id": "x"}, "location": "southcentralus"},
    )
    loaded = Loaded(
        project=Project(name="p", root=Path(), file=Path("retrainctl.yaml"), manifests=()),
        environment=more.pop("environment", ENVIRONMENT),
        desired=(desired,),
    )
    parts: dict[str, Any] = {
        "loaded": loaded,
        "clock": SimpleNamespace(now=lambda: NOW),
        "resolver": None,
        "services": lambda: None,
        "targets": None,
        "arm": lambda: None,
        "classic": lambda: None,
        "blobs": None,
        "ledger": None,
        "reach": lambda _: Reached(),
        "plan": lambda: (),
    }
    return Patient(**{**parts, **more})


def _codes(said: Iterator[Said]) -> list[str]:
    return [one.code for one in said if not isinstance(one, Fact)]


def test_missing_permissions_are_named_by_group() -> None:
    client = SimpleNamespace(permissions=lambda group: [{"actions": ["*/read"], "notActions": []}])
    (finding,) = [one for one in subscription.permissions(_patient(arm=lambda: client)) if not isinstance(one, Fact)]
    assert finding.code == "RC925"
    assert '"models"' in finding.message
    assert "webServices/write" in finding.message and "commitmentPlans/join/action" in finding.message
    assert "webServices/read" not in finding.message


def test_a_region_that_is_not_offered_and_a_group_that_is_missing() -> None:
    client = SimpleNamespace(regions=lambda: ("South Central US",), group_location=lambda group: None)
    found = [one for one in subscription.provider(_patient(arm=lambda: client)) if not isinstance(one, Fact)]
    assert [(one.code, "Mars North" in one.message) for one in found] == [("RC926", True)]
    assert _codes(subscription.groups(_patient(arm=lambda: client))) == ["RC927"]
    client.regions = tuple
    assert _codes(subscription.provider(_patient(arm=lambda: client))) == ["RC926"]


@pytest.mark.parametrize(
    ("away", "severity"),
    [(5, None), (90, Severity.WARNING), (-90, Severity.WARNING), (600, Severity.ERROR), (-600, Severity.ERROR)],
)
def test_the_clock(away: int, severity: Severity | None) -> None:
    patient = _patient(reach=lambda _: Reached(moment=NOW + timedelta(seconds=away)))
    found = [one for one in network.clock_skew(patient) if not isinstance(one, Fact)]
    assert {one.severity for one in found} == ({severity} if severity else set())
    if severity:
        assert ("behind" if away > 0 else "ahead of") in found[0].message


def test_every_host_is_asked_and_named_with_its_purpose() -> None:
    asked: list[str] = []

    def answer(base: str) -> Reached:
        asked.append(base)
        return Reached("tls", "self-signed certificate") if "europewest" in base else Reached()

    found = [one for one in network.reachability(_patient(reach=answer)) if not isinstance(one, Fact)]
    assert {one.code for one in found} == {"RC923"}
    assert "https://management.azure.com" in asked and "https://europewest.management.azureml.net" in asked
    assert "Classic management API" in found[0].message


def test_the_hosts_of_azure_ml_v2_are_asked_too() -> None:
    government = "https://management.usgovcloudapi.net"
    azureml = AzuremlSettings(subscription="s", resource_group="g", workspace="w", endpoint=government)
    only = replace(ENVIRONMENT, arm=None, classic=None, azureml=azureml)
    assert network.hosts(_patient(environment=only)) == {
        "https://management.usgovcloudapi.net": "Azure Machine Learning v2",
        "https://login.microsoftonline.us": "sign-in",
    }


def test_a_refused_token_points_at_the_region() -> None:
    def refuse() -> Any:
        raise AuthFailed("not accepted", status=401)

    patient = _patient(classic=lambda: SimpleNamespace(services=refuse))
    (finding,) = network.classic_location(patient)
    assert not isinstance(finding, Fact)
    assert finding.hint is not None and "another region than West Europe" in finding.hint


def test_retirement_is_said_of_each_hosted_flavour_and_of_no_other() -> None:
    assert _codes(settings.retirement(_patient())) == ["RC921", "RC921"]
    assert ENVIRONMENT.classic is not None
    moved = replace(
        ENVIRONMENT, arm=None, classic=replace(ENVIRONMENT.classic, hosts={"management": "https://ours.example"})
    )
    report = examine(_patient(environment=moved), [Check("r", "R", settings.retirement)], _Quiet())
    assert report.results[0].status == "skipped"


def test_one_check_that_breaks_hides_no_other_and_one_cause_is_told_once() -> None:
    def breaks(patient: Patient) -> Iterator[Said]:
        yield Fact("so far")
        raise ZeroDivisionError("a defect")

    def tells(patient: Patient) -> Iterator[Said]:
        yield problem("RC931", "the blob is gone")

    checks = [Check(name, name, run) for name, run in (("a", breaks), ("b", tells), ("c", tells))]
    first, second, third = examine(_patient(), checks, _Quiet()).results
    assert (first.findings[0].code, first.facts) == ("RC920", ("so far",))
    assert (second.status, third.status) == ("error", "skipped")


def _with_live(*live: Observed, **fields: Any) -> Patient:
    reading = Reading(observed={one.address: one for one in live}, identities={}, failures={}, facts={})
    reader = SimpleNamespace(read=lambda wanted: reading)
    return _patient(targets=lambda: SimpleNamespace(readers={"arm": reader}), **fields)


def _census(**more: Any) -> Observed:
    document = {"properties": {"assets": {"a": {"name": "m [trained model]", "type": "Resource"}}}}
    return Observed(address=CENSUS, identity="x", fingerprint="f", document=document, **{"fields": {}, **more})


def test_a_service_in_another_region_and_one_that_does_not_work() -> None:
    moved = _with_live(_census(fields={"location": "West Europe"}))
    (finding,) = [one for one in services.kinds(moved) if not isinstance(one, Fact)]
    assert (finding.code, finding.address) == ("RC928", "WebService/census")
    assert "in West Europe, not in southcentralus" in finding.message
    assert _codes(services.kinds(_with_live(_census(fields={"location": "South Central US"})))) == []
    assert _codes(services.kinds(_with_live(_census(broken="its creation failed")))) == ["RC930"]
    (fact,) = services.kinds(_with_live())
    assert fact == Fact("WebService/census: not there yet")


def test_registered_models_are_no_blobs() -> None:
    workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    identity = f"{workspace}/models/m/versions/1"
    patient = _patient(blobs=lambda: pytest.fail("nothing is to be asked"))
    slots = {"model": ModelVersion(model="m", version=1, uri=identity)}
    loaded = replace(patient.loaded, desired=tuple(replace(one, slots=slots) for one in patient.loaded.desired))
    (result,) = examine(replace(patient, loaded=loaded), [Check("b", "B", storage.blobs)], _Quiet()).results
    assert (result.status, result.skipped) == ("skipped", "no slot asks for a blob")


def test_guards_that_would_stop_an_apply_and_writes_without_an_end() -> None:
    (finding,) = services.planning(_patient(plan=lambda: ["updates: 3 of 4, allowed are 30%"]))
    assert not isinstance(finding, Fact)
    assert (finding.code, finding.severity) == ("RC936", Severity.WARNING)
    open_write = SimpleNamespace(intent=SimpleNamespace(address=CENSUS))
    book = SimpleNamespace(verify=lambda: None, unsettled=lambda: [open_write], runs=list, place="here")
    assert _codes(books.ledger(_patient(ledger=lambda: book))) == ["RC935"]


def test_checks_have_names_of_their_own_and_leave_nothing_out() -> None:
    names = {check.name for check in CHECKS}
    assert len(names) == len(CHECKS)
    # Issue 7, item 5, in its order.
    asked = {
        "credentials and permissions": {"secrets", "groups", "permissions", "provider"},
        "reachability and TLS": {"hosts"},
        "region against workspace": {"workspace", "provider", "services"},
        "service flavour and kind": {"services", "training"},
        "slots, limits": {"plan"},
        "blobs, SAS": {"blobs", "sas"},
        "clock skew": {"clock"},
        "ledger and lease health": {"ledger", "lease"},
        "the retirement said plainly": {"retirement"},
    }
    assert set().union(*asked.values()) | {"manifests"} == names


@pytest.mark.parametrize("code", sorted(doctor.CODES))
def test_every_finding_has_a_cause_and_a_fix(code: str) -> None:
    entry = doctor.CODES[code]
    assert entry.title and entry.cause.endswith(".") and entry.fix.endswith(".")
    assert problem(code, "x").hint == entry.fix


def test_retirement_names_the_day_and_the_way_out() -> None:
    (first, *_) = settings.retirement(_patient())
    assert not isinstance(first, Fact)
    assert "Microsoft retired on 31 August 2024" in first.message
    assert first.hint is not None and "Azure Machine Learning v2" in first.hint


def test_a_closed_port_and_a_proxy_that_is_closed() -> None:
    assert reach("http://127.0.0.1:9", environ={}).trouble == "connection"
    through = {"HTTPS_PROXY": "http://127.0.0.1:9"}
    assert reach("https://management.azure.com", environ=through).trouble == "connection"
    assert reach("ftp://127.0.0.1:9", environ={}).trouble == "connection"


def test_a_certificate_counts_only_with_its_authority(tmp_path: Path) -> None:
    import http.server
    import ssl
    import threading

    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            base = f"https://127.0.0.1:{server.server_address[1]}"
            assert reach(base, environ={}).trouble == "tls"
            trusted = reach(base, ca=file, environ={})
            assert (trusted.trouble, trusted.moment is not None) == (None, True)
        finally:
            server.shutdown()
            thread.join()
