"""Recorded and documented payloads of the services API: our bodies are theirs, and theirs are read."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from retrainctl.model.values import Secret
from retrainctl.operations.scoring import request_from, tables_of
from retrainctl.ports import JobBlob, JobRequest, JobState
from retrainctl.targets.blob.place import place_of
from retrainctl.targets.services.description import from_swagger
from retrainctl.targets.services.requests import job_body
from retrainctl.targets.services.status import read_status


@pytest.fixture
def classic(shared: Path) -> Path:
    return shared / "classic"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8-sig"))


def body(request: JobRequest, key: str) -> dict[str, Any]:
    return job_body(request, place_of, lambda account: Secret(key))


def test_the_bike_rental_body_is_made_byte_for_byte(classic: Path) -> None:
    saved = read(classic / "bes/submit.bike-rental-001.json")
    blob = JobBlob(uri="https://myaccount.blob.core.windows.net/hai/retrain/bike_rental/model001.ilearner")
    made = body(JobRequest(outputs={"output1": blob}, parameters=saved["GlobalParameters"]), "<mykey>")
    assert json.loads(json.dumps(made).replace("AccountName=myaccount", "AccountName=<myaccount>")) == saved


def test_the_saved_registration_has_our_members(classic: Path) -> None:
    saved = read(classic / "bes/submit.training-register.json")
    outputs = {
        port: JobBlob(uri=f"https://mystorageacct.blob.core.windows.net/{one['RelativeLocation']}")
        for port, one in saved["Outputs"].items()
    }
    key = saved["Outputs"]["model"]["ConnectionString"].partition("AccountKey=")[2]
    assert body(JobRequest(outputs=outputs, parameters=saved["GlobalParameters"]), key) == saved


def test_the_misspelt_sample_has_members_that_we_never_write(classic: Path) -> None:
    saved = read(classic / "bes/submit.readme-jobconfig.misspelled-keys.json")
    made = body(
        JobRequest(
            inputs={
                "input1": JobBlob(uri="https://mystorageaccount.blob.core.windows.net/mycontainer/input/input.csv")
            },
            outputs={
                "output1": JobBlob(uri="https://mystorageaccount.blob.core.windows.net/mycontainer/output/output.csv")
            },
            parameters={"Random seed": 12345},
        ),
        "mystorageaccountkey",
    )
    corrected = (
        json.dumps(saved).replace("GolbalParameters", "GlobalParameters").replace("ConnetionString", "ConnectionString")
    )
    assert made == json.loads(corrected)


def test_the_documented_answers_are_read(classic: Path) -> None:
    status = read_status(read(classic / "bes/status.finished.consume-doc.misprinted-key.json"))
    assert status.state is JobState.FINISHED
    assert {port: blob.uri for port, blob in status.results.items()} == {
        "dataOutput": "https://mystorageaccount.blob.core.windows.net/outputs/dataOutput.csv",
        "trainedModelOutput": "https://mystorageaccount.blob.core.windows.net/models/trainedModel.ilearner",
    }
    assert all(blob.sas is not None and "sig=" in blob.sas.reveal() for blob in status.results.values())
    assert isinstance(read(classic / "bes/submit.response.jobid.json"), str)


def test_the_scoring_sample_is_sent_and_read_as_it_is(classic: Path) -> None:
    path = classic / "rrs/request.cog_speed.json"
    assert request_from(path, ports=partial(pytest.fail, "the file says it all")) == read(path)
    (table,) = tables_of(read(classic / "rrs/response.cog_speed.json"))
    assert (table.port, table.columns, table.rows) == ("output1", ("cog_speed",), (("0",), ("1",)))


def test_the_saved_swagger_of_a_training_endpoint_is_read(classic: Path) -> None:
    ports = from_swagger(read(classic / "services/swagger.per-endpoint.trimmed.json"))
    assert ports.inputs == {}
    assert list(ports.outputs) == ["model", "performance", "trained", "setup"]
    assert ports.outputs["model"] == ()
    assert ports.parameters == ("Total workers", "Worker ID", "Training path", "Scan proportion", "Minimum F1")
    assert ports.example is None
