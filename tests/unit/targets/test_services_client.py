"""The services API on the wire: what is sent, what is repeated, what never is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError

from retrainctl.model.retraining import ServiceRef
from retrainctl.model.values import Secret
from retrainctl.ports import JobBlob, JobRequest, JobState, NotFound, Rejected, Throttled, Unavailable
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.blob.place import place_of
from retrainctl.targets.classic.client import ClassicClient
from retrainctl.targets.services.client import ServiceClient
from retrainctl.targets.services.directory import Directory
from retrainctl.targets.services.requests import job_body
from tests.support.wire import Reply, Wire, wire

API = "https://ussouthcentral.services.azureml.net/workspaces/w/services/e"
HOSTS = (API, "https://management.azureml.net")
KEY = "a" * 86 + "=="
MODEL = JobBlob(uri="https://acct.blob.core.windows.net/models/1.ilearner")


def client(script: Any, credential: Any = lambda account: Secret(KEY)) -> tuple[ServiceClient, Wire]:
    made = wire(script, hosts=HOSTS)
    service = ServiceClient(
        name='"training"',
        location=API,
        base=API,
        identity="/workspaces/w/webservices/s/endpoints/default",
        pipeline=made.pipeline,
        auth=KeyAuth(secret=Secret("endpoint-key-0123456789")),
        locate=partial(place_of, endpoints={"own": "https://blobs.example.org/x"}),
        credential=credential,
    )
    return service, made


def fault(code: str, *details: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "m", "details": [{"code": d, "message": d} for d in details]}}


def test_the_calls_of_a_job() -> None:
    replies = [Reply(body="j1"), Reply(status=204), Reply(body={"StatusCode": "Running"}), Reply(status=204)]
    service, made = client(replies)
    pause = made.clock.sleep
    request = JobRequest(outputs={"output1": MODEL}, parameters={"URI": "https://x/y", "Key": Secret("hidden-value")})
    assert service.submit(request, pause) == "j1"
    service.start("j1", pause)
    assert service.status("j1", pause).state is JobState.RUNNING
    service.cancel("j1", pause)
    assert [(c.method, c.url.removeprefix(API)) for c in made.calls] == [
        ("POST", "/jobs?api-version=2.0"),
        ("POST", "/jobs/j1/start?api-version=2.0"),
        ("GET", "/jobs/j1?api-version=2.0"),
        ("DELETE", "/jobs/j1?api-version=2.0"),
    ]
    assert {c.headers["Authorization"] for c in made.calls} == {"Bearer endpoint-key-0123456789"}
    assert made.calls[0].body == {
        "Outputs": {
            "output1": {
                "ConnectionString": f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY}",
                "RelativeLocation": "models/1.ilearner",
            }
        },
        "GlobalParameters": {"URI": "https://x/y", "Key": "hidden-value"},
    }
    assert made.calls[1].body is None


def test_a_submission_is_never_sent_twice() -> None:
    service, made = client([ServiceResponseError("broke")])
    with pytest.raises(Unavailable) as caught:
        service.submit(JobRequest(outputs={"output1": MODEL}), made.clock.sleep)
    assert caught.value.sent
    assert len(made.calls) == 1


def test_a_refusal_for_now_is_told_as_such() -> None:
    service, made = client([Reply(status=503, body=fault("ServiceUnavailable", "TooManyConcurrentRequests"))])
    with pytest.raises(Throttled):
        service.submit(JobRequest(), made.clock.sleep)
    assert len(made.calls) == 1


def test_asking_is_repeated() -> None:
    replies = [ServiceResponseError("broke"), Reply(status=500), Reply(body={"StatusCode": 4})]
    service, made = client(replies)
    assert service.status("j1", made.clock.sleep).state is JobState.FINISHED


@pytest.mark.parametrize(
    ("status", "codes", "code"),
    [
        (400, ("BadArgument", "InvalidOutputOverrideName"), "RC386"),
        (400, ("BadArgument", "MissingRequiredGlobalParameters"), "RC386"),
        (400, ("BadArgument", "InvalidBlobExtension"), "RC343"),
        (400, ("InvalidOperation", "CannotStartJob"), "RC387"),
    ],
)
def test_answers_are_told_by_the_catalogue(status: int, codes: tuple[str, str], code: str) -> None:
    service, made = client([Reply(status=status, body=fault(*codes))])
    with pytest.raises(Rejected) as caught:
        service.submit(JobRequest(), made.clock.sleep)
    assert caught.value.code == code
    assert caught.value.request_id == "rid-1"


@pytest.mark.parametrize("body", [{}, 7, "", None, ["j1"]])
def test_an_answer_that_is_no_job_id_is_no_job(body: Any) -> None:
    service, made = client([Reply(body=body) if body is not None else Reply(body=b"null")])
    with pytest.raises(Unavailable) as caught:
        service.submit(JobRequest(), made.clock.sleep)
    assert caught.value.code == "RC618"


def test_a_status_that_is_none_is_not_guessed() -> None:
    service, made = client([Reply(body={"StatusCode": "Dreaming"})])
    with pytest.raises(Unavailable, match="Dreaming"):
        service.status("j1", made.clock.sleep)


def test_failure_texts_lose_their_signatures() -> None:
    details = 'Module: Reader; {"Message": "cannot read https://a.blob.core.windows.net/c/x?sv=1&sig=abcdefgh12345678"}'
    service, made = client([Reply(body={"StatusCode": "Failed", "Details": details})])
    status = service.status("j1", made.clock.sleep)
    assert status.failure is not None
    assert "abcdefgh" not in status.failure.message


def test_scoring_asks_and_may_be_repeated() -> None:
    answer = {"Results": {"output1": {"type": "table", "value": {"ColumnNames": ["y"], "Values": [["1"]]}}}}
    service, made = client(
        [Reply(status=503, body=fault("ServiceUnavailable", "InitializingContainers")), Reply(body=answer)]
    )
    assert service.score({"Inputs": {}, "GlobalParameters": {}}) == answer
    assert made.calls[1].url == f"{API}/execute?api-version=2.0&details=true"


def test_an_answer_without_results_is_no_score() -> None:
    service, _ = client([Reply(body={"Output": 1})])
    with pytest.raises(Rejected) as caught:
        service.score({})
    assert caught.value.code == "RC644"


# Bodies


def body(request: JobRequest, secret: str | None = KEY) -> dict[str, Any]:
    return job_body(request, place_of, lambda account: None if secret is None else Secret(secret))


def test_blobs_with_a_signature_go_by_their_address() -> None:
    blob = JobBlob(uri="https://acct.blob.core.windows.net/data/a%20b.csv", sas=Secret("?sv=1&sig=x"))
    assert body(JobRequest(inputs={"input1": blob}))["Inputs"] == {
        "input1": {
            "BaseLocation": "https://acct.blob.core.windows.net/",
            "RelativeLocation": "data/a b.csv",
            "SasBlobToken": "?sv=1&sig=x",
        }
    }


def test_an_account_may_have_a_sas_or_a_connection_string_instead_of_a_key() -> None:
    given = body(JobRequest(outputs={"o": MODEL}), "?sv=1&sig=x")["Outputs"]["o"]
    assert given["SasBlobToken"] == "?sv=1&sig=x"
    text = "BlobEndpoint=https://acct.blob.core.windows.net;SharedAccessSignature=sv=1&sig=x"
    assert body(JobRequest(outputs={"o": MODEL}), text)["Outputs"]["o"]["ConnectionString"] == text


def test_another_cloud_is_named_in_the_connection_string() -> None:
    blob = JobBlob(uri="https://acct.blob.core.chinacloudapi.cn/models/1.ilearner")
    found = job_body(
        JobRequest(outputs={"o": blob}),
        partial(place_of, suffix=".blob.core.chinacloudapi.cn"),
        lambda account: Secret(KEY),
    )
    assert found["Outputs"]["o"]["ConnectionString"].endswith(";EndpointSuffix=core.chinacloudapi.cn")


def test_a_public_blob_needs_no_credential_but_an_output_does() -> None:
    public = JobBlob(uri="https://acct.blob.core.windows.net/data/a.csv")
    assert body(JobRequest(inputs={"i": public}), None)["Inputs"]["i"]["SasBlobToken"] is None
    with pytest.raises(Rejected) as caught:
        body(JobRequest(outputs={"o": MODEL}), None)
    assert (caught.value.code, caught.value.sent) == ("RC606", False)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("https://acct.blob.core.windows.net/data/a.parquet", "RC601"),
        ("https://acct.blob.core.windows.net/data/a", "RC601"),
        ("https://example.org/d/a.csv", "RC652"),
        ("https://acct.blob.core.windows.net/", "RC652"),
    ],
)
def test_what_the_service_would_refuse_is_not_sent(uri: str, code: str) -> None:
    for request in (JobRequest(inputs={"i": JobBlob(uri=uri)}), JobRequest(outputs={"i": JobBlob(uri=uri)})):
        with pytest.raises(Rejected) as caught:
            body(request)
        assert (caught.value.code, caught.value.sent) == (code, False)


def test_a_model_is_no_input_and_data_may_be_an_output() -> None:
    with pytest.raises(Rejected):
        body(JobRequest(inputs={"i": MODEL}))
    assert body(JobRequest(outputs={"o": JobBlob(uri="https://acct.blob.core.windows.net/data/o.tsv")}))["Outputs"]


def test_a_pool_is_named_without_dashes() -> None:
    pool = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert body(JobRequest(pool=pool))["AzureBatchPoolId"] == "aaaaaaaabbbbccccddddeeeeeeeeeeee"


# Finding services


def directory(script: Any) -> tuple[Directory, Wire]:
    made = wire(script, hosts=HOSTS)
    classic = ClassicClient(
        pipeline=made.pipeline,
        management="https://management.azureml.net",
        workspace="w",
        auth=lambda: KeyAuth(secret=Secret("workspace-token-0123456789")),
    )
    found = Directory(
        pipeline=made.pipeline,
        classic=lambda: classic,
        arm=None,
        group="",
        locate=place_of,
        credential=lambda account: None,
    )
    return found, made


SERVICES = [{"Id": "5" * 32, "Name": "Bike Rental Training", "DefaultEndpointName": "default"}]
ENDPOINT = {"Name": "default", "ApiLocation": API, "PrimaryKey": "primary-key-0123456789", "SecondaryKey": "s"}


def test_a_classic_service_is_found_by_name_once() -> None:
    found, made = directory([Reply(body=SERVICES), Reply(body=ENDPOINT), Reply(body="j1")])
    service = found.open(ServiceRef(target="classic", name="Bike Rental Training"))
    assert found.open(ServiceRef(target="classic", name="Bike Rental Training")) is service
    assert (service.location, service.identity) == (API, f"/workspaces/w/webservices/{'5' * 32}/endpoints/default")
    service.submit(JobRequest(), made.clock.sleep)
    assert made.calls[-1].headers["Authorization"] == "Bearer primary-key-0123456789"
    assert made.redactor.clean("primary-key-0123456789") == "(sensitive)"


def test_what_is_not_there_is_named_with_what_is() -> None:
    found, _ = directory([Reply(body=SERVICES), Reply(body=SERVICES), Reply(status=404)])
    with pytest.raises(NotFound) as caught:
        found.open(ServiceRef(target="classic", name="Bike Rental Trainig"))
    assert "Bike Rental Training" in (caught.value.hint or "")
    with pytest.raises(Rejected) as refused:
        found.open(ServiceRef(target="arm", name="x"))
    assert refused.value.code == "RC017"
