"""`experiment` against the emulator: the AzureMLPS scenarios, without the cmdlets' bugs."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

TRAINING = "Bike Rental Training"
SCORING = "Bike Rental Scoring"
ODD = 'Räder "2016" \\ 東京 {0}'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("experiments") / "project"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    project = folder / "retrainctl.yaml"
    local = "    local: {emulator: {}}"
    text = project.read_text()
    assert local in text
    project.write_text(text.replace(local, f"    other: {{emulator: {{state: other}}}}\n{local}", 1))
    made = Inside(folder, environment())
    made("emulator", "up", "--seed", "seed")
    yield made
    for state in (folder / ".retrainctl" / "emulator", folder / "other"):
        emulator.stop(state)


def get(run: Inside, experiment: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("experiment", "get", experiment).out)
    return document


def names(run: Inside) -> list[str]:
    listed: list[str] = json.loads(run("experiment", "list", "--query", "[].Description", "--output", "json").out)
    return listed


def piped(run: Inside, text: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "retrainctl", *arguments],
        cwd=run.folder, env=run.environ, input=text, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_experiments_by_name_and_id(run: Inside) -> None:
    assert {TRAINING, SCORING} <= set(names(run))
    identifier = get(run, TRAINING)["ExperimentId"]
    assert get(run, identifier)["Description"] == TRAINING
    gone = run("experiment", "get", "Bike Rental Trainin", code=1).err
    assert "RC940" in gone and f'"{TRAINING}"' in gone
    table = run("experiment", "list", COLUMNS="80").out
    assert TRAINING in table and max(map(len, table.splitlines())) <= 80


def test_a_run_really_trains_and_its_model_is_downloaded(run: Inside) -> None:
    run("experiment", "copy", TRAINING, "--name", "Trained", "--yes")
    assert get(run, "Trained")["Status"]["StatusCode"] == "InDraft"
    nothing = run("experiment", "node-output", "Trained", "--node", "train", "--port", "Trained model",
                  "--out", "none.ilearner", code=1)  # fmt: skip
    assert "RC947" in nothing.err and not (run.folder / "none.ilearner").exists()
    before = get(run, "Trained")["Etag"]
    ended = json.loads(run("experiment", "run", "Trained", "--yes", "--output", "json").out)
    assert ended["Status"]["StatusCode"] == "Finished" and ended["Etag"] != before
    assert run("experiment", "nodes", "Trained", "--comment", "train", "--query", "[].Status.StatusCode",
               "--output", "tsv").out.split() == ["Finished"]  # fmt: skip
    asked = ("experiment", "node-output", "Trained", "--node", "train", "--port", "TRAINED model")
    run(*asked, "--out", "model.ilearner")
    assert "label         rentals" in run("models", "inspect", "model.ilearner").out
    again = run(*asked, "--out", "model.ilearner", code=1)
    assert "RC004" in again.err
    run(*asked, "--out", "model.ilearner", "--overwrite")


def test_an_evaluation_and_its_visualization(run: Inside) -> None:
    asked = ("experiment", "node-output", TRAINING, "--node", "evaluate", "--port", "evaluation results")
    run(*asked, "--out", "evaluation.csv")
    text = (run.folder / "evaluation.csv").read_text()
    assert "Root Mean Squared Error" in text
    assert piped(run, "", *asked, "--out", "-").splitlines() == text.splitlines()
    run(*asked, "--type", "visualization", "--out", "evaluation.json")
    assert json.loads((run.folder / "evaluation.json").read_text())["columns"]


def test_a_run_that_fails_is_an_error_with_the_nodes_message(run: Inside) -> None:
    run("experiment", "copy", TRAINING, "--name", "Fails", "--yes")
    run("experiment", "export", "Fails", "--out", "fails.json")
    document = json.loads((run.folder / "fails.json").read_text())
    (reader,) = [node for node in document["Graph"]["ModuleNodes"] if node["Comment"] == "import"]
    (url,) = [one for one in reader["ModuleParameters"] if one["Name"] == "Data source URL"]
    url["Value"] = "https://bikerentals.blob.core.windows.net/data/nothing.csv"
    (run.folder / "fails.json").write_text(json.dumps(document))
    run("experiment", "import", "fails.json", "--overwrite", "--yes")
    failed = run("experiment", "run", "Fails", "--yes", code=1)
    assert "RC943" in failed.err and 'node "import"' in failed.err
    told = run("experiment", "nodes", "Fails").out.splitlines()
    assert next(line for line in told if line.startswith("import")).split()[1] == "Failed"
    assert "experiment run" in run("history").out


def test_a_run_can_be_started_and_left(run: Inside) -> None:
    run("experiment", "copy", TRAINING, "--name", "Left", "--yes")
    started = run("experiment", "run", "Left", "--no-wait", "--yes", "--output", "json").out
    assert json.loads(started)["Status"]["StatusCode"] in ("Running", "Finished")
    assert "RC003" in run("experiment", "run", "Left", "--time-limit", "soon", "--yes", code=64).err


def test_names_with_quotes_backslashes_and_other_letters_survive(run: Inside) -> None:
    run("experiment", "copy", SCORING, "--name", ODD, "--yes")
    assert get(run, ODD)["Description"] == ODD
    run("experiment", "run", ODD, "--yes")
    run("experiment", "export", ODD, "--out", "odd.json")
    run("experiment", "import", "odd.json", "--overwrite", "--yes")
    run("experiment", "import", "odd.json", "--name", ODD + "2", "--yes")
    both = [get(run, name) for name in (ODD, ODD + "2")]
    assert [one["Description"] for one in both] == [ODD, ODD + "2"]
    assert both[0]["Graph"] == both[1]["Graph"]
    run("experiment", "remove", ODD + "2", "--yes")
    assert ODD in names(run) and ODD + "2" not in names(run)


def test_a_file_goes_in_under_a_free_name_or_over_its_own(run: Inside) -> None:
    run("experiment", "export", SCORING, "--out", "scoring.json")
    assert "sig=" not in (run.folder / "scoring.json").read_text()
    assert "RC004" in run("experiment", "export", SCORING, "--out", "scoring.json", code=1).err
    both = run("experiment", "import", "scoring.json", "--overwrite", "--name", "x", code=64)
    assert "exclude" in both.err
    taken = run("experiment", "import", "scoring.json", "--yes", code=1)
    assert "RC900" in taken.err
    shown = run("experiment", "import", "scoring.json", "--name", "Fresh", "--what-if")
    assert shown.out.startswith("POST ") and '"IsDraft": true' in shown.out and "Fresh" not in names(run)
    assert "RC501" in run("experiment", "import", "scoring.json", "--name", "Fresh", code=1).err
    run("experiment", "import", "scoring.json", "--name", "Fresh", "--yes")
    assert get(run, "Fresh")["Graph"] == get(run, SCORING)["Graph"]
    assert "RC949" in run("experiment", "import", "retrainctl.yaml", "--name", "y", "--yes", code=1).err


def test_removing_a_copy_leaves_its_original(run: Inside) -> None:
    run("experiment", "copy", SCORING, "--name", "Short life", "--yes")
    assert "RC900" in run("experiment", "copy", SCORING, "--name", "Short life", "--yes", code=1).err
    assert "DELETE" in run("experiment", "remove", "Short life", "--what-if").out
    assert "RC501" in run("experiment", "remove", "Short life", code=1).err
    run("experiment", "remove", "Short life", "--yes")
    assert SCORING in names(run) and "Short life" not in names(run)
    assert "RC940" in run("experiment", "remove", "Short life", "--yes", code=1).err


def test_a_copy_in_another_workspace_runs_there(run: Inside) -> None:
    shown = run("experiment", "copy", TRAINING, "--to", "other", "--name", ODD, "--what-if").out
    assert shown.startswith("POST ") and "\nPUT " in shown and "region=" in shown
    made = run("experiment", "copy", TRAINING, "--to", "other", "--name", ODD, "--yes")
    assert "sig=" not in made.out + made.err
    there = ("experiment", "list", "--env", "other", "--query", "[].Description", "--output", "json")
    assert json.loads(run(*there).out) == [ODD] and ODD + "3" not in names(run)
    taken = run("experiment", "copy", TRAINING, "--to", "other", "--name", ODD, "--yes", code=1)
    assert "RC900" in taken.err and "workspace of other" in taken.err
    run("experiment", "copy", SCORING, "--to", "other", "--yes")
    assert json.loads(run(*there).out) == [ODD, SCORING]
    copied = json.loads(run("experiment", "get", SCORING, "--env", "other").out)
    assert copied["Graph"]["EdgesInternal"] == get(run, SCORING)["Graph"]["EdgesInternal"]
    told = run("history", "--env", "other").out
    assert "experiment copy" in told


def test_a_package_goes_from_hand_to_hand(run: Inside) -> None:
    hidden = run("experiment", "pack", SCORING, "--yes", "--output", "json")
    assert json.loads(hidden.out)["Status"] == "Complete" and "sig=(sensitive)" in hidden.out
    assert "RC501" in run("experiment", "pack", SCORING, code=1).err
    asked = ("experiment", "pack", SCORING, "--show", "--query", "Location", "--output", "tsv", "--yes")
    package = run(*asked).out.strip()
    before = names(run)
    shown = piped(run, package, "experiment", "unpack", "-", "--region", "South Central US", "--what-if")
    assert "packageUri=http" in shown and package.partition("sig=")[2][:8] not in shown, "quoted in another address"
    ended = piped(run, package, "experiment", "unpack", "-", "--region", "South Central US", "--yes")
    assert SCORING in ended and "sig=" not in ended
    assert sorted(names(run)) == sorted([*before, SCORING]), "the service does not mind two of one name"
    several = run("experiment", "get", SCORING, code=1).err
    assert "RC941" in several
    unsigned = run("experiment", "unpack", package.partition("?")[0], "--region", "South Central US", "--yes", code=1)
    assert "Traceback" not in unsigned.err and "error[" in unsigned.err
    assert package.partition("sig=")[2] not in run("history").out
    ids = json.loads(run("experiment", "list", "--query", f"[?Description=='{SCORING}'].ExperimentId", "--output",
                         "json").out)  # fmt: skip
    run("experiment", "remove", ids[-1], "--yes")
    assert get(run, SCORING)["ExperimentId"] == ids[0]


def test_the_definition_of_a_finished_experiment_makes_a_web_service(run: Inside) -> None:
    run("experiment", "copy", SCORING, "--name", "Draft", "--yes")
    draft = run("experiment", "export-definition", "Draft", code=1)
    assert "RC938" in draft.err
    run("experiment", "export-definition", SCORING, "--out", "definition.json")
    text = (run.folder / "definition.json").read_text()
    assert json.loads(text)["properties"]["packageType"] == "Graph" and "sig=" not in text
    assert "PUT " in run("webservice", "create", "made", "--definition", "definition.json", "--what-if").out
    assert json.loads(run("experiment", "export-definition", SCORING).out) == json.loads(text)


def test_a_password_in_a_graph_is_never_shown(run: Inside) -> None:
    run("experiment", "export", TRAINING, "--out", "secret.json")
    file = run.folder / "secret.json"
    document = json.loads(file.read_text())
    document["Graph"]["ModuleNodes"][0]["ModuleParameters"].append({"Name": "Account key", "Value": "GEHEIM=="})
    file.write_text(json.dumps(document))
    for arguments in (
        ("import", "secret.json", "--name", "With a key", "--what-if"),
        ("import", "secret.json", "--name", "With a key", "--yes", "--output", "json"),
        ("get", "With a key"),
        ("nodes", "With a key", "--output", "json"),
        ("run", "With a key", "--what-if"),
        ("copy", "With a key", "--name", "x", "--what-if"),
        ("export", "With a key"),
    ):
        shown = run("experiment", *arguments)
        assert "Account key" in shown.out and "GEHEIM" not in shown.out + shown.err, arguments
    ledger = run.folder / ".retrainctl" / "ledger"
    assert not [one for one in ledger.rglob("*") if one.is_file() and b"GEHEIM" in one.read_bytes()]


def test_sigterm_says_what_goes_on_and_where_to_look(run: Inside) -> None:
    run("experiment", "copy", SCORING, "--name", "Left alone", "--yes")
    run("emulator", "faults", "studio-run-seconds=600")
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "retrainctl", "experiment", "run", "Left alone", "--yes"],
            cwd=run.folder, env=run.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        while get(run, "Left alone")["Status"]["StatusCode"] != "Running":
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)  # two signals at one moment may arrive as one
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        again = run("experiment", "run", "Left alone", "--yes", code=1)
    finally:
        run("emulator", "faults", "--clear")
    assert process.returncode == 143, err
    assert "goes on" in err and f"experiment get {get(run, 'Left alone')['ExperimentId']}" in err
    assert "RC944" in again.err
    assert run("history").out.splitlines()[-1].count("1 unknown") == 1, "what is refused beforehand is no run"
    assert "changes no web service" in " ".join(run("rollback", "last", code=1).err.split())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("copy", SCORING), 64, "--name"),
        (("copy", SCORING, "--name", " ", "--yes"), 64, "needs a name"),
        (("copy", SCORING, "--to", "nowhere", "--yes"), 1, "nowhere"),
        (("nodes", TRAINING, "--comment", "trian"), 1, '"train"'),
        (("node-output", TRAINING, "--node", "train", "--port", "model", "--out", "x"), 1, '"Trained model"'),
        (("node-output", TRAINING, "--node", "train", "--port", "Trained model", "--out", "no/x"), 1, "RC007"),
        (("unpack", "package", "--region", "x", "--yes"), 64, "not an address"),
        (("list", "--query", "["), 64, "--query"),
    ],
)
def test_mistakes_are_named(run: Inside, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in run("experiment", *arguments, code=code).err


def test_protected_and_frozen_experiments_stay(run: Inside) -> None:
    file = run.folder / "retrainctl.yaml"
    former = file.read_text()
    guards = "    local: {emulator: {}, protect: [Experiment/*Scoring], freeze: [Experiment/*Training]}"
    file.write_text(former.replace(next(line for line in former.splitlines() if "local:" in line), guards))
    try:
        assert "protected" in run("experiment", "remove", SCORING, "--yes", code=3).err
        assert "frozen" in run("experiment", "run", TRAINING, "--yes", code=3).err
    finally:
        file.write_text(former)
    assert {SCORING, TRAINING} <= set(names(run))
