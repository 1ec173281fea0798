"""Batch jobs of the services API: what the examples' training services do, and every way that a job can go wrong."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from retrainctl.ilearner.scorer import load_scorer
from tests.support.emulator_process import Emulator, running
from tests.support.services_api import (
    Api,
    classic_service,
    connection,
    get_blob,
    new_service,
    put_blob,
    reference,
)

DATA = "https://bikerentals.blob.core.windows.net/data"
REGRESSION = [
    "Mean Absolute Error",
    "Root Mean Squared Error",
    "Relative Absolute Error",
    "Relative Squared Error",
    "Coefficient of Determination",
]


def wish(location: str = "001", version: int = 2, **more: Any) -> dict[str, Any]:
    """The request of the walkthrough (classic-api.md 10.1), with an evaluation beside the model."""
    path = f"models/bike-rental/{location}-{version}"
    return {
        "GlobalParameters": {"URI": f"{DATA}/BikeRental{location}.csv"},
        "Outputs": {
            "output1": reference("bikerentals", f"{path}.ilearner"),
            "output2": reference("bikerentals", f"{path}.csv"),
        },
        **more,
    }


@pytest.fixture
def training(emulator: Emulator, repo: Path) -> Api:
    emulator.seed(repo / "manifests" / "bike-rental" / "seed")
    return classic_service(emulator, "Bike Rental Training")


def metrics(emulator: Emulator, path: str) -> dict[str, float]:
    head, row, *rest = get_blob(emulator, path).text.splitlines()
    assert rest == []
    return dict(zip(head.split(","), map(float, row.split(",")), strict=True))


def message(status: dict[str, Any]) -> str:
    """What a client digs out of the details of a failed job."""
    details = status["Details"]
    found, _ = json.JSONDecoder().raw_decode(details[details.index("{") :])
    text: str = found["Exception"]["Message"]
    return text


# The way it should go


def test_a_training_job_writes_a_model_and_an_evaluation(emulator: Emulator, training: Api) -> None:
    identifier = training.submit(wish())
    assert training.status(identifier) == {"StatusCode": "NotStarted", "Results": None, "Details": None}
    assert training.call("POST", f"/jobs/{identifier}/start").status_code == 204
    status = training.ended(identifier)
    assert status["StatusCode"] == "Finished", status
    assert status["Details"] is None
    assert list(status["Results"]) == ["output1", "output2"]
    model = status["Results"]["output1"]
    assert model["BaseLocation"] == "https://bikerentals.blob.core.windows.net/"
    assert model["RelativeLocation"] == "models/bike-rental/001-2.ilearner"
    assert model["ConnectionString"] is None
    response = emulator.bare.get("/bikerentals/" + model["RelativeLocation"] + model["SasBlobToken"])
    assert response.headers["x-ms-meta-retrainctl-format"] == "onnx"
    row = {"season": "summer", "month": 7, "weekday": 5, "holiday": 0, "weather": "clear"}
    numbers = {"temperature": 27.5, "humidity": 52, "windspeed": 6.2}
    (score,) = load_scorer(response.content).score([{**row, **numbers}])
    assert 20 < float(str(score["Scored Labels"])) < 1000
    found = metrics(emulator, "bikerentals/models/bike-rental/001-2.csv")
    assert list(found) == REGRESSION
    assert found["Root Mean Squared Error"] < 60
    assert found["Coefficient of Determination"] > 0.5


def test_the_same_job_gives_the_same_model(emulator: Emulator, training: Api) -> None:
    first, second = training.start(wish(version=2)), training.start(wish(version=3))
    assert first != second
    assert training.ended(first)["StatusCode"] == training.ended(second)["StatusCode"] == "Finished"
    path = "bikerentals/models/bike-rental/001-{}.ilearner"
    assert get_blob(emulator, path.format(2)).content == get_blob(emulator, path.format(3)).content


def test_a_job_without_outputs_writes_into_the_storage_of_the_workspace(emulator: Emulator, training: Api) -> None:
    status = training.ended(training.start({"GlobalParameters": wish()["GlobalParameters"], "Outputs": None}))
    model, evaluation = status["Results"]["output1"], status["Results"]["output2"]
    folder, name, file = model["RelativeLocation"].split("/")
    assert (folder, file) == ("experimentoutput", f"{name}.ilearner")
    assert evaluation["RelativeLocation"].endswith(".csv")
    account = model["BaseLocation"].split("//")[1].partition(".")[0]
    read = emulator.bare.get(f"/{account}/{model['RelativeLocation']}{model['SasBlobToken']}")
    assert read.status_code == 200


def test_every_question_gets_a_fresh_signature(emulator: Emulator, training: Api) -> None:
    identifier = training.start(wish())
    old = training.ended(identifier)["Results"]["output2"]
    emulator.control("PUT", "clock", {"advance": 25 * 3600})
    place = "/bikerentals/" + old["RelativeLocation"]
    assert emulator.bare.get(place + old["SasBlobToken"]).status_code == 403
    new = training.status(identifier)["Results"]["output2"]
    assert emulator.bare.get(place + new["SasBlobToken"]).status_code == 200


def test_a_new_service_trains_and_then_scores_with_the_new_model(emulator: Emulator, repo: Path) -> None:
    emulator.seed(repo / "manifests" / "census" / "seed")
    training = new_service(emulator, "census-training")
    body = {
        "GlobalParameters": {"URI": "https://censusstorage.blob.core.windows.net/data/census.csv"},
        "Outputs": {
            "output1": reference("censusstorage", "models/census/3.ilearner"),
            "output2": reference("censusstorage", "/models/census/3.csv"),
        },
    }
    assert training.ended(training.start(body))["StatusCode"] == "Finished"
    found = metrics(emulator, "censusstorage/models/census/3.csv")
    expected = ["Accuracy", "Precision", "Recall", "F-Score", "AUC", "Average Log Loss", "Training Log Loss"]
    assert list(found) == expected
    # The gate of the example: not worse than the live version, whose metrics the manifest has.
    assert found["AUC"] > 0.912
    model = load_scorer(get_blob(emulator, "censusstorage/models/census/3.ilearner").content)
    assert {column.name for column in model.input_columns} >= {"age", "education", "hours-per-week"}


def test_a_predictive_service_scores_a_file(emulator: Emulator, repo: Path) -> None:
    emulator.seed(repo / "manifests" / "bike-rental" / "seed")
    scoring = classic_service(emulator, "Bike Rental Scoring")
    sample = json.loads((repo / "manifests" / "bike-rental" / "sample.json").read_text())["Inputs"]["input1"]
    rows = [sample["ColumnNames"], *sample["Values"]]
    put_blob(emulator, "bikerentals/data/in.csv", "\n".join(",".join(map(str, row)) for row in rows).encode())
    body = {
        "Inputs": {"input1": reference("bikerentals", "data/in.csv")},
        "Outputs": {"output1": reference("bikerentals", "data/out.tsv")},
    }
    assert scoring.ended(scoring.start(body))["StatusCode"] == "Finished"
    head, *scored = get_blob(emulator, "bikerentals/data/out.tsv").text.splitlines()
    assert head.split("\t") == [*sample["ColumnNames"], "Scored Labels"]
    one = scoring.table({"Inputs": {"input1": sample}, "GlobalParameters": {}})
    assert [line.split("\t")[-1] for line in scored] == [row["Scored Labels"] for row in one]
    unnamed = {"Input": reference("bikerentals", "/data/in.csv"), "Outputs": body["Outputs"]}
    assert scoring.ended(scoring.start(unnamed))["StatusCode"] == "Finished"


# Refused at the door


def broken(**changes: Any) -> dict[str, Any]:
    return {**wish(), **changes}


def output(**changes: Any) -> dict[str, Any]:
    return broken(Outputs={"output1": {**reference("bikerentals", "models/x.ilearner"), **changes}})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (broken(GlobalParameters={}), "MissingRequiredGlobalParameters"),
        (broken(GlobalParameters={"uri": "x"}), "UnexpectedParameter"),
        (broken(GlobalParameters={"URI": ["x"]}), "UserParameterInvalid"),
        (broken(Outputs={"Output1": reference("bikerentals", "models/x.ilearner")}), "InvalidOutputOverrideName"),
        (broken(Inputs={"input1": reference("bikerentals", "data/x.csv")}), "InvalidInputNames"),
        (broken(Input=reference("bikerentals", "data/x.csv")), "InvalidInputNames"),
        (broken(Input={}, Inputs={"input1": {}}), "BatchJobInputsTooManySpecified"),
        (output(RelativeLocation="models/x.csv"), "InvalidBlobExtension"),
        (output(RelativeLocation="models/x"), "InvalidBlobExtension"),
        (output(RelativeLocation=""), "InputBlobRelativeLocationInvalid"),
        (output(RelativeLocation="none/x.ilearner"), "ContainerValidationFailed"),
        (output(RelativeLocation="Bad_Name/x.ilearner"), "InvalidBlob"),
        (output(ConnectionString="AccountName=bikerentals;AccountKey=d3Jvbmc="), "InvalidBlobConnectionString"),
        (output(ConnectionString="nonsense"), "InvalidBlobConnectionString"),
        (output(ConnectionString=None), "MissingInputBlobInformation"),
        (broken(Outputs=[]), "RequestBodyInvalid"),
        ([], "RequestBodyInvalid"),
    ],
)
def test_a_bad_request_is_refused_with_its_code(training: Api, body: Any, code: str) -> None:
    response = training.call("POST", "/jobs", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["details"][0]["code"] == code
    assert error["code"] in ("BadArgument", "InvalidOperation")


def test_the_extension_error_is_worded_as_recorded(training: Api, shared: Path) -> None:
    recorded = json.loads((shared / "classic" / "errors" / "adf-2600.file-extension.json").read_text())["message"]
    body = {**wish(), "Outputs": {"output2": reference("bikerentals", "models/training/input")}}
    error = training.call("POST", "/jobs", json=body).json()["error"]
    told = error["details"][0]["message"].replace("models/training/input", "container/training/input")
    assert told in recorded
    assert error["message"] in recorded


def test_a_key_of_another_service_opens_nothing(emulator: Emulator, training: Api) -> None:
    other = classic_service(emulator, "Bike Rental Scoring")
    response = training.call("POST", "/jobs", json=wish(), key=other.key)
    assert response.status_code == 401
    assert response.json()["error"]["details"][0]["code"] == "ScoreRequestUnauthorized"
    identifier = training.submit(wish())
    assert other.call("GET", f"/jobs/{identifier}").status_code == 404


def test_a_job_is_started_once(training: Api) -> None:
    identifier = training.start(wish())
    again = training.call("POST", f"/jobs/{identifier}/start")
    assert (again.status_code, again.json()["error"]["details"][0]["code"]) == (400, "CannotStartJob")
    assert training.call("GET", f"/jobs/{'0' * 32}").status_code == 404


# Failing on the way


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a,b\n1,2\n3\n", "Error 1000: library exception: All rows must have same number of elements"),
        (b"season,month\nwinter,1\n", "Error 0001: Column with name or index 'weekday' not found."),
        (b"", "Error 0003"),
    ],
)
def test_bad_data_fails_the_job_with_the_modules_words(
    emulator: Emulator, training: Api, data: bytes, why: str
) -> None:
    put_blob(emulator, "bikerentals/data/bad.csv", data)
    status = training.ended(training.start(broken(GlobalParameters={"URI": f"{DATA}/bad.csv"})))
    assert (status["StatusCode"], status["Results"]) == ("Failed", None)
    assert message(status).startswith(why)
    assert "Process exited with error code -2" in status["Details"]


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        (f"{DATA}/none.csv", "(404)"),
        ("https://bikerentals.blob.core.windows.net/models/bike-rental/001-1.ilearner", "(403)"),
        (f"{DATA}/BikeRental001.csv?sv=2020-12-06&sr=b&sp=r&se=2020-01-01T00:00:00Z&sig=x", "(403)"),
        ("https://example.org/data.csv", "is not a blob in the emulator"),
    ],
)
def test_data_that_cannot_be_read_fails_the_job(training: Api, uri: str, why: str) -> None:
    status = training.ended(training.start(broken(GlobalParameters={"URI": uri})))
    assert status["StatusCode"] == "Failed"
    assert status["Details"].startswith("Module: Import Data;")
    assert why in message(status)
    assert "sig=" not in status["Details"]


# Faults and switches


def test_faults_hit_the_jobs_that_they_name(emulator: Emulator, training: Api) -> None:
    emulator.faults(
        **{
            "job-fail": "always,POST,BikeRental002",
            "job-cancel": "always,POST,BikeRental003",
            "job-stick": "always,POST,BikeRental004",
            "job-vanish": "always,POST,BikeRental005",
        }
    )
    jobs = {number: training.start(wish(f"{number:03d}")) for number in range(1, 6)}
    assert training.ended(jobs[1])["StatusCode"] == "Finished"
    failed = training.ended(jobs[2])
    assert failed["StatusCode"] == "Failed"
    assert message(failed).startswith("Error 1000: ")
    assert training.ended(jobs[3])["StatusCode"] == "Cancelled"
    assert training.status(jobs[4])["StatusCode"] == "Running"
    assert training.call("GET", f"/jobs/{jobs[5]}").status_code == 404
    assert training.call("DELETE", f"/jobs/{jobs[4]}").status_code == 204
    assert training.status(jobs[4])["StatusCode"] == "Cancelled"
    for number, there in ((1, 200), (2, 404), (3, 404), (4, 404)):
        path = f"bikerentals/models/bike-rental/{number:03d}-2.ilearner"
        assert get_blob(emulator, path).status_code == there


def test_a_probable_fault_hits_the_same_jobs_in_every_run(emulator: Emulator, training: Api, repo: Path) -> None:
    def victims(order: list[int]) -> set[int]:
        emulator.control("POST", "reset")
        emulator.seed(repo / "manifests" / "bike-rental" / "seed")
        api = classic_service(emulator, "Bike Rental Training")
        emulator.faults(**{"job-fail": "0.4", "job-cancel": "always"})
        jobs = {number: api.start(wish(f"{number:03d}")) for number in order}
        return {number for number, job in jobs.items() if api.ended(job)["StatusCode"] == "Failed"}

    del training
    first = victims(list(range(1, 13)))
    assert first == victims(list(range(12, 0, -1)))
    assert 0 < len(first) < 12


def test_status_has_every_form_that_was_seen(emulator: Emulator, training: Api) -> None:
    identifier = training.submit(wish())
    emulator.faults(**{"job-status": "number", "job-members": "sparse"})
    assert training.status(identifier) == {"StatusCode": 0, "Results": None}
    training.call("DELETE", f"/jobs/{identifier}")
    assert training.status(identifier)["StatusCode"] == 3
    emulator.faults(**{"job-status": "string", "job-cancelled": "Canceled"})
    assert training.status(identifier)["StatusCode"] == "Canceled"
    done = training.ended(training.start(wish()))
    assert set(done["Results"]["output1"]) == {"RelativeLocation", "BaseLocation", "SasBlobToken"}
    emulator.faults(**{"job-delete": "forget"})
    training.call("DELETE", f"/jobs/{identifier}")
    assert training.call("GET", f"/jobs/{identifier}").status_code == 404


def test_a_running_job_is_cancelled_in_the_middle(emulator: Emulator, training: Api) -> None:
    emulator.faults(**{"job-seconds": 60})
    identifier = training.start(wish())
    assert training.status(identifier)["StatusCode"] == "Running"
    assert training.call("DELETE", f"/jobs/{identifier}").status_code == 204
    assert training.status(identifier)["StatusCode"] == "Cancelled"
    emulator.faults(**{"job-seconds": 0})
    assert training.ended(training.start(wish("002")))["StatusCode"] == "Finished"
    assert get_blob(emulator, "bikerentals/models/bike-rental/001-2.ilearner").status_code == 404


def test_no_more_jobs_than_the_limit_are_at_work(emulator: Emulator, training: Api) -> None:
    emulator.faults(**{"job-limit": 2, "job-stick": "first:2"})
    stuck = [training.start(wish(f"{number:03d}")) for number in (1, 2)]
    waiting = training.start(wish("003"))
    time.sleep(0.3)
    assert training.status(waiting)["StatusCode"] == "Running"
    assert get_blob(emulator, "bikerentals/models/bike-rental/003-2.ilearner").status_code == 404
    training.call("DELETE", f"/jobs/{stuck[0]}")
    assert training.ended(waiting)["StatusCode"] == "Finished"


def test_time_passes_as_the_emulators_clock_says(emulator: Emulator, training: Api) -> None:
    emulator.faults(realistic="on")
    emulator.control("PUT", "clock", {"now": "2026-11-20T12:00:00Z"})
    identifier = training.start(wish())
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert training.status(identifier)["StatusCode"] == "Running"
        time.sleep(0.1)
    emulator.control("PUT", "clock", {"advance": 60})
    assert training.ended(identifier)["StatusCode"] == "Finished"


def test_an_output_container_can_be_made_on_the_way(emulator: Emulator, training: Api) -> None:
    emulator.faults(**{"job-output-container": "create"})
    body = {**wish(), "Outputs": {"output1": reference("bikerentals", "fresh/x.ilearner")}}
    assert training.ended(training.start(body))["StatusCode"] == "Finished"
    assert get_blob(emulator, "bikerentals/fresh/x.ilearner").status_code == 200


def test_a_killed_emulator_takes_its_jobs_up_again(tmp_path: Path, repo: Path) -> None:
    state = tmp_path / "state"
    with running(state, "--seed", str(repo / "manifests" / "bike-rental" / "seed")) as emulator:
        training = classic_service(emulator, "Bike Rental Training")
        finished = training.start(wish("001"))
        assert training.ended(finished)["StatusCode"] == "Finished"
        emulator.faults(**{"job-seconds": 60})
        identifier = training.start(wish("002"))
        assert training.status(identifier)["StatusCode"] == "Running"
        os.kill(emulator.process.pid, signal.SIGKILL)
        emulator.process.wait()
    with running(state) as emulator:
        training = classic_service(emulator, "Bike Rental Training")
        assert training.status(finished)["StatusCode"] == "Finished"
        assert training.ended(identifier)["StatusCode"] == "Finished"
        assert get_blob(emulator, "bikerentals/models/bike-rental/002-2.ilearner").status_code == 200


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_a_worker_that_is_killed_is_replaced_and_none_outlives_the_emulator(tmp_path: Path, repo: Path) -> None:
    with running(tmp_path / "state", "--seed", str(repo / "manifests" / "bike-rental" / "seed")) as emulator:
        training = classic_service(emulator, "Bike Rental Training")
        assert training.ended(training.start(wish("001")))["StatusCode"] == "Finished"
        workers = children(emulator.process.pid)
        assert workers
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        assert training.ended(training.start(wish("002")))["StatusCode"] == "Finished"
        workers = children(emulator.process.pid)
        os.kill(emulator.process.pid, signal.SIGKILL)
        emulator.process.wait()
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(worker) for worker in workers)


def alive(process: int) -> bool:
    """Whether it still runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(process: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == process:
            found.append(int(folder.name))
    return found


def test_connection_strings_are_not_kept(emulator: Emulator, training: Api) -> None:
    training.submit(wish())
    secret = connection("bikerentals").partition("AccountKey=")[2].encode()
    for file in emulator.state.glob("state.db*"):
        assert secret not in file.read_bytes()
