"""Runs of experiments: graphs as Studio shows them, real training, outputs, faults, edits that take effect."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.emulator.studio.ports import KNOWN
from retrainctl.emulator.training.modules import MODULES
from retrainctl.ilearner.scorer import load_scorer
from tests.support.classic_service import SERVICES
from tests.support.emulator_process import Emulator, running
from tests.support.studio_service import (
    ask,
    ended,
    example,
    fetch,
    identifier_of,
    node,
    read,
    run,
    save,
    seed,
    seed_training,
    setting,
)

TREES = "Total number of trees constructed"
ROW = {
    "season": "summer",
    "month": 7,
    "weekday": 5,
    "holiday": 0,
    "weather": "clear",
    "temperature": 27.5,
    "humidity": 52,
    "windspeed": 6.2,
}


@pytest.fixture
def training(emulator: Emulator, tmp_path: Path, repo: Path) -> dict[str, Any]:
    return read(emulator, seed_training(emulator, tmp_path, repo, draft=True))


def test_a_graph_has_the_shape_of_a_recorded_one(training: dict[str, Any]) -> None:
    graph, service = training["Graph"], training["WebService"]
    train, score = node(training, "train"), node(training, "score")
    assert [port["Name"] for port in train["InputPortsInternal"]] == ["Untrained model", "Dataset"]
    edge = {
        "SourceOutputPortId": f"{train['Id']}:Trained model",
        "DestinationInputPortId": f"{score['Id']}:Trained model",
        "DestinationInputPortIndex": 0,
    }
    assert edge in graph["EdgesInternal"]
    assert service["Outputs"][0]["PortId"] == f"{train['Id']}:Trained model"
    assert setting(training, "import", "Data source URL")["LinkedGlobalParameter"] == "URI"
    assert service["Parameters"][0]["ParameterDefinition"]["HasDefaultValue"] is False
    assert node(training, "score")["ModuleId"].startswith("506153734175476c4f62416c57734963.401b4f92e7244d5a")
    assert all(one["Id"] in graph["SerializedClientData"] for one in graph["ModuleNodes"])


def test_a_run_trains_and_its_nodes_put_out_what_they_made(emulator: Emulator, training: dict[str, Any]) -> None:
    finished = run(emulator, training)
    assert (finished["Status"]["StatusCode"], finished["Status"]["StatusDetail"]) == ("Finished", None)
    model = fetch(emulator, node(finished, "train")["Endpoints"]["Trained model"])
    assert load_scorer(model).score([ROW])[0]["Scored Labels"] > 0  # type: ignore[operator]
    evaluate = node(finished, "evaluate")
    text = fetch(emulator, evaluate["Endpoints"]["Evaluation results"]).decode()
    (metrics,) = csv.DictReader(io.StringIO(text))
    assert 0 < float(metrics["Root Mean Squared Error"]) < 100
    path = f"/experiments/{finished['ExperimentId']}/outputdata/{evaluate['Id']}/evaluation RESULTS"
    assert ask(emulator, "GET", path).text == text
    (shown,) = evaluate["Metadata"]["Evaluation results"]
    assert shown["Key"] == "visualization"
    assert json.loads(fetch(emulator, shown["Value"]))["columns"][1]["name"] == "Root Mean Squared Error"
    assert not node(finished, "learner")["Endpoints"]


def test_a_run_takes_as_long_as_the_clock_says(emulator: Emulator, training: dict[str, Any]) -> None:
    emulator.control("PUT", "clock", {"now": "2026-11-21T08:00:00Z"})
    emulator.faults(studio_run_seconds=30)
    identifier = save(emulator, training, draft=False).json()
    assert read(emulator, identifier)["Status"]["StatusCode"] == "Running"
    emulator.control("PUT", "clock", {"advance": 29})
    assert read(emulator, identifier)["Status"]["StatusCode"] == "Running"
    emulator.control("PUT", "clock", {"advance": 1})
    finished = ended(emulator, identifier)
    assert (finished["Status"]["StatusCode"], finished["Status"]["EndTime"]) == ("Finished", "/Date(1795248030000)/")


def test_data_that_cannot_be_read_fails_the_run_at_its_node(emulator: Emulator, training: dict[str, Any]) -> None:
    setting(training, "import", "Data source URL")["Value"] = "https://acct.blob.core.windows.net/data/none.csv"
    failed = run(emulator, training)
    assert failed["Status"]["StatusCode"] == "Failed"
    state = node(failed, "import")["State"]
    assert state["StatusCode"] == "Failed"
    assert "data/none.csv cannot be read: (404)" in state["StatusDetail"]
    assert node(failed, "train")["State"]["StatusCode"] == "NotStarted"
    assert ask(emulator, "POST", f"/experiments/{failed['ExperimentId']}/webservice").status_code == 400


def test_a_module_that_refuses_its_data_fails_the_run_and_keeps_what_came_before(
    emulator: Emulator, training: dict[str, Any]
) -> None:
    label = {"isFilter": True, "rules": [{"ruleType": "ColumnNames", "exclude": False, "columns": ["sales"]}]}
    setting(training, "train", "Label column")["Value"] = json.dumps(label)
    failed = run(emulator, training)
    assert "'sales' not found" in node(failed, "train")["State"]["StatusDetail"]
    assert failed["Status"]["StatusDetail"] == node(failed, "train")["State"]["StatusDetail"]
    assert set(node(failed, "split")["Endpoints"]) == {"Results dataset1", "Results dataset2"}
    assert node(failed, "evaluate")["State"]["StatusCode"] == "NotStarted"


@pytest.mark.parametrize(
    ("fault", "state"), [("studio_run_fail", "Failed"), ("studio_run_cancel", "Canceled"), ("studio_run_stick", None)]
)
def test_faults_of_runs_hit_experiments_by_name(
    emulator: Emulator, training: dict[str, Any], fault: str, state: str | None
) -> None:
    emulator.faults(**{fault: "always,POST,Training"})
    identifier = save(emulator, training, draft=False).json()
    if state is None:
        assert read(emulator, identifier)["Status"]["StatusCode"] == "Running"
        assert ask(emulator, "DELETE", f"/experiments/{identifier}").status_code == 200
    else:
        assert ended(emulator, identifier)["Status"]["StatusCode"] == state


def test_an_edited_graph_trains_another_model_and_deploys_as_edited(
    emulator: Emulator, training: dict[str, Any], repo: Path
) -> None:
    before = run(emulator, training)
    exported = f"/experiments/{before['ExperimentId']}/webservicedefinition"
    plain = ask(emulator, "GET", exported).json()["properties"]
    assert plain["package"] == example(repo, "training")["properties"]["package"]
    edited = copy.deepcopy(before)
    setting(edited, "learner", TREES)["Value"] = "3"
    after = run(emulator, edited)
    sizes = [node(one, "train")["Endpoints"]["Trained model"]["Size"] for one in (before, after)]
    assert sizes[1] < sizes[0] / 2
    properties = ask(emulator, "GET", exported).json()["properties"]
    assert properties["package"]["nodes"]["learner"]["parameters"][TREES]["value"] == "3"
    assert properties["package"]["nodes"]["import"]["parameters"]["Data source URL"]["value"] == ""
    assert properties["title"] == plain["title"]


def test_a_promoted_model_goes_into_the_predictive_experiment_and_scores(
    emulator: Emulator, training: dict[str, Any], tmp_path: Path, repo: Path
) -> None:
    trained = run(emulator, training)
    wish = {
        "ExperimentId": trained["ExperimentId"],
        "ModuleNodeId": node(trained, "train")["Id"],
        "OutputName": "Trained model",
        "TrainedModel": {"Name": "Bikes [trained model]", "DataTypeId": "iLearnerDotNet", "FamilyId": None},
    }
    model = ask(emulator, "POST", "/trainedmodels", json=wish).json()
    seed(emulator, tmp_path / "s", experiments=[{"name": "Scoring", "definition": example(repo, "scoring")}])
    scoring = read(emulator, identifier_of(emulator, "Scoring"))
    port = node(scoring, "score")["InputPortsInternal"][0]
    old = port["TrainedModelId"]
    assert old in [one["Id"] for one in ask(emulator, "GET", "/trainedmodels").json()]
    replaced = json.loads(json.dumps(scoring).replace(old, model))
    run(emulator, replaced)
    ask(emulator, "POST", f"/experiments/{scoring['ExperimentId']}/webservice?generateNewPortNames=false")
    (service,) = emulator.http.get(SERVICES).json()
    endpoint = emulator.http.get(f"{SERVICES}/{service['Id']}/endpoints/default").json()
    assert [one["Name"] for one in endpoint["Resources"]] == ["Bikes [trained model]"]
    names, values = list(ROW), list(ROW.values())
    body = {"Inputs": {"input1": {"ColumnNames": names, "Values": [values]}}, "GlobalParameters": {}}
    key = {"Authorization": f"Bearer {endpoint['PrimaryKey']}"}
    scored = emulator.bare.post(f"{endpoint['ApiLocation']}/execute?api-version=2.0", json=body, headers=key).json()
    expected = load_scorer(fetch(emulator, node(trained, "train")["Endpoints"]["Trained model"])).score([ROW])
    assert float(scored["Results"]["output1"]["value"]["Values"][0][-1]) == pytest.approx(expected[0]["Scored Labels"])


def test_a_seeded_experiment_has_finished_and_its_outputs_are_there_when_it_is_read(
    emulator: Emulator, tmp_path: Path, repo: Path
) -> None:
    identifier = seed_training(emulator, tmp_path, repo)
    (listed,) = ask(emulator, "GET", "/experiments").json()
    assert listed["Status"]["StatusCode"] == "Finished"
    first = node(read(emulator, identifier), "train")["Endpoints"]["Trained model"]
    assert first["Location"] == node(read(emulator, identifier), "train")["Endpoints"]["Trained model"]["Location"]
    assert first["FileType"] == "ILearnerDotNet"


def test_a_seed_may_bring_the_outputs_as_files(emulator: Emulator, tmp_path: Path, repo: Path) -> None:
    (tmp_path / "metrics.csv").write_text("AUC\r\n0.9\r\n")
    outputs = {"evaluate": {"Evaluation results": "metrics.csv"}}
    experiment = read(emulator, seed_training(emulator, tmp_path, repo, outputs=outputs))
    assert fetch(emulator, node(experiment, "evaluate")["Endpoints"]["Evaluation results"]) == b"AUC\r\n0.9\r\n"
    assert not node(experiment, "train")["Endpoints"]


def test_a_dataset_stands_where_the_service_has_an_input(emulator: Emulator, tmp_path: Path, repo: Path) -> None:
    names = ",".join(ROW)
    (tmp_path / "days.csv").write_text(f"{names}\n{','.join(map(str, ROW.values()))}\n")
    definition = example(repo, "scoring")
    uri = "https://acct.blob.core.windows.net/models/base.ilearner"
    definition["properties"]["assets"]["asset3"]["locationInfo"]["uri"] = uri
    data = {"bikeRental": {"location": "001", "days": 60}}
    seed(
        emulator,
        tmp_path,
        blobs=[
            {"path": "acct/models/base.ilearner", "generate": {"baselineModel": {"data": data, "label": "rentals"}}}
        ],
        datasets=[{"name": "Days", "file": "days.csv"}],
        experiments=[{"name": "Scoring", "definition": definition, "inputs": {"input1": "Days"}}],
    )
    finished = read(emulator, identifier_of(emulator, "Scoring"))
    (row,) = csv.DictReader(
        io.StringIO(fetch(emulator, node(finished, "score")["Endpoints"]["Scored dataset"]).decode())
    )
    assert row["season"] == "summer" and float(row["Scored Labels"]) > 0
    properties = ask(emulator, "GET", f"/experiments/{finished['ExperimentId']}/webservicedefinition").json()
    assert properties["properties"]["package"] == definition["properties"]["package"]


def test_what_the_engine_does_not_know_is_not_executed_and_says_so(
    emulator: Emulator, training: dict[str, Any]
) -> None:
    for one in training["Graph"]["ModuleNodes"]:
        if one["Comment"] == "clean":
            one["ModuleId"] = "506153734175476c4f62416c57734963.30806023392b42e094d66b775a6e0fd5.v1-default-1735"
    finished = run(emulator, training)
    assert finished["Status"]["StatusDetail"] == "Not executed: 5 of 8 nodes; each says why."
    detail = node(finished, "clean")["State"]["StatusDetail"]
    assert detail == "Not executed: the emulator has no module 'Execute R Script'."
    assert node(finished, "columns")["Endpoints"]
    assert not node(finished, "train")["Endpoints"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"ExperimentGraph": []}, "ExperimentGraph"),
        ({"ExperimentGraph": {"ModuleNodes": [{"Id": 7}]}}, "ExperimentGraph.ModuleNodes[0].Id"),
        ({"ExperimentGraph": {"EdgesInternal": [None]}}, "ExperimentGraph.EdgesInternal[0]"),
        (
            {"WebService": {"Parameters": [{"ParameterDefinition": "x"}]}},
            "WebService.Parameters[0].ParameterDefinition",
        ),
        ({"ParentExperimentId": {}}, "ParentExperimentId"),
    ],
)
def test_a_body_of_another_shape_is_refused(
    emulator: Emulator, training: dict[str, Any], change: dict[str, Any], where: str
) -> None:
    body = {"Description": "x", "IsDraft": True, "ExperimentGraph": training["Graph"], **change}
    refused = ask(emulator, "POST", "/experiments/", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["message"].startswith(f"{where} must be ")


@pytest.mark.parametrize("fault", ["circle", "nowhere"])
def test_a_graph_that_cannot_be_run_fails_the_run(emulator: Emulator, training: dict[str, Any], fault: str) -> None:
    edges = training["Graph"]["EdgesInternal"]
    if fault == "circle":
        score, columns = node(training, "score")["Id"], node(training, "columns")["Id"]
        edges[0] = {**edges[0], "SourceOutputPortId": f"{score}:Scored dataset"}
        assert edges[0]["DestinationInputPortId"] == f"{columns}:Dataset"
    else:
        edges[0]["SourceOutputPortId"] = "none:Results dataset"
    failed = run(emulator, training)
    assert failed["Status"]["StatusCode"] == "Failed"
    assert "circle" in failed["Status"]["StatusDetail"] or "does not exist" in failed["Status"]["StatusDetail"]
    assert ask(emulator, "POST", f"/experiments/{failed['ExperimentId']}/webservice").status_code == 400


def test_a_save_of_an_older_version_is_refused(emulator: Emulator, training: dict[str, Any]) -> None:
    assert save(emulator, training, draft=True, headers={"If-Match": training["Etag"]}).status_code == 200
    stale = save(emulator, training, draft=True, headers={"If-Match": training["Etag"]})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "PreconditionFailed")
    assert save(emulator, training, draft=True).status_code == 200
    emulator.faults(studio_save_etag="ignore")
    assert save(emulator, training, draft=True, headers={"If-Match": training["Etag"]}).status_code == 200


def test_an_experiment_that_runs_is_not_saved_over(emulator: Emulator, training: dict[str, Any]) -> None:
    emulator.faults(studio_run_stick="always")
    save(emulator, training, draft=False)
    assert save(emulator, training, draft=True).status_code == 409
    emulator.faults(studio_save_running="replace")
    assert save(emulator, training, draft=True).status_code == 200
    assert read(emulator, training["ExperimentId"])["Status"]["StatusCode"] == "InDraft"


def test_a_copy_without_a_parent_runs_and_deploys_a_service_of_its_own(
    emulator: Emulator, training: dict[str, Any]
) -> None:
    first = run(emulator, training)
    url = f"/experiments/{first['ExperimentId']}/webservice"
    deployed = ask(emulator, "POST", url).json()["WebServiceGroupId"]
    again = read(emulator, first["ExperimentId"])
    assert again["WebService"]["WebServiceGroupId"] == deployed
    made = save(emulator, {**again, "Description": "Copy"}, draft=False, new=True).json()
    ask(emulator, "DELETE", f"/experiments/{first['ExperimentId']}")
    done = ended(emulator, made)
    assert done["WebService"]["WebServiceGroupId"] is None
    new = ask(emulator, "POST", f"/experiments/{made}/webservice?updateExistingWebService=true").json()
    assert new["WebServiceGroupId"] not in ("", deployed)


def test_the_outputs_go_with_the_experiment(emulator: Emulator, training: dict[str, Any]) -> None:
    finished = run(emulator, training)
    endpoint = node(finished, "train")["Endpoints"]["Trained model"]
    ask(emulator, "DELETE", f"/experiments/{finished['ExperimentId']}")
    gone = emulator.bare.get(endpoint["BaseUri"] + endpoint["Location"] + endpoint["AccessCredential"])
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"parameters": {"URL": "x"}}, "no parameter URL"),
        ({"inputs": {"input1": "Days"}}, "no input input1"),
        ({"outputs": {"nowhere": {}}}, "no node nowhere"),
        ({"service": "Bikes"}, "no one Classic web service"),
        ({"annotations": [{"content": "x", "parent": 1}]}, "parent is the number"),
    ],
)
def test_a_seed_that_names_what_is_not_there_is_refused(
    emulator: Emulator, tmp_path: Path, repo: Path, members: dict[str, Any], message: str
) -> None:
    item = {"name": "Training", "definition": example(repo, "training"), **members}
    (tmp_path / "seed.yaml").write_text(json.dumps({"experiments": [item]}))
    headers = {"x-emulator-token": emulator.ready["control"]}
    refused = emulator.bare.post("/_emulator/seed", json={"paths": [str(tmp_path)]}, headers=headers)
    assert refused.status_code == 400 and message in refused.text
    assert ask(emulator, "GET", "/experiments").json() == []


def test_the_ports_are_those_of_the_engine() -> None:
    assert set(KNOWN) == {"Import Data", *MODULES}


def test_a_run_goes_on_after_a_restart(tmp_path: Path, repo: Path) -> None:
    state = tmp_path / "state"
    with running(state) as emulator:
        training = read(emulator, seed_training(emulator, tmp_path / "seed", repo, draft=True))
        emulator.faults(studio_run_seconds=3600)
        identifier = save(emulator, training, draft=False).json()
    with running(state) as emulator:
        finished = ended(emulator, identifier)
        assert node(finished, "train")["Endpoints"]["Trained model"]["Size"] > 0
