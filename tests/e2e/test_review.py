"""The plan where people review it: all reports in one run, pipelines, an existing estate, promotion, the picture."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.command import Shell


@pytest.fixture
def census(shell: Shell, repo: Path) -> Shell:
    """The worked example on a running emulator that still serves version 1."""
    folder = shell.folder / "census"
    shutil.copytree(repo / "manifests/census", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    inside = Shell(folder, shell.environ)
    inside("emulator", "up", "--seed", "seed")
    return inside


def test_sarif_names_files_from_the_root_of_the_checkout(census: Shell) -> None:
    settings = census.folder / "retrainctl.yaml"
    settings.write_text(settings.read_text().replace("{emulator: {}}", '{emulator: {}, freeze: ["WebService/census"]}'))
    ran = census("plan", "--sarif", "s.json", code=3, GITHUB_WORKSPACE=str(census.folder.parent))
    (run,) = json.loads((census.folder / "s.json").read_text())["runs"]
    places = {
        place["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"] for place in one["locations"]
    }
    assert places == {"census/manifests/census.yaml"}, ran.out


def test_all_reports_come_from_one_run_and_again_from_the_saved_plan(census: Shell) -> None:
    reports = {"md": "c.md", "html": "r.html", "sarif": "s.json", "junit": "j.xml", "events": "e.jsonl"}
    options = [word for form, file in reports.items() for word in (f"--{form}", file)]
    census("plan", "--env", "local", *options, "--budget", "github-comment", "--out", "p.json")
    digest = json.loads((census.folder / "p.json").read_text())["digest"]
    texts = {form: (census.folder / file).read_text() for form, file in reports.items()}
    assert digest in texts["md"]
    assert digest in texts["html"]
    assert json.loads(texts["sarif"])["version"] == "2.1.0"
    assert ElementTree.fromstring(texts["junit"]).tag in ("testsuites", "testsuite")
    assert all(json.loads(line)["type"] for line in texts["events"].splitlines())
    census("emulator", "down")
    for form, text in texts.items():
        budget = ["--budget", "github-comment"] if form == "md" else []
        assert census("show", "p.json", "--output", form, *budget).out == text
    assert len(census("show", "p.json", "--output", "md", "--budget", "azdo-description").out) <= 4_000


def test_github_gets_annotations_summary_and_outputs(census: Shell, tmp_path: Path) -> None:
    summary, outputs = tmp_path / "sum.md", tmp_path / "out.txt"
    summary.write_text("before\n")
    files = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs), "GITHUB_ACTIONS": "true"}
    manifest = census.folder / "manifests/census.yaml"
    ran = census("plan", "--env", "local", "--github", **files)
    assert "Plan for local: 1 change" in ran.out
    assert summary.read_text().startswith("before\n<!-- retrainctl:plan env=local")
    known = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    assert known["digest"].startswith("sha256:")
    assert (known["changes"], known["applyable"]) == ("1", "true")

    # From the root of the repository, where the workflow's paths begin.
    manifest.write_text(manifest.read_text().replace("census@2", "census@9"))
    ran = census("plan", "--env", "local", "--github", code=1, GITHUB_WORKSPACE=str(census.folder.parent))
    assert re.search(
        r"^::error title=RC135,file=census/manifests/census.yaml,line=\d+,col=\d+::", ran.out, re.MULTILINE
    )


def test_azure_pipelines_gets_a_summary_and_variables(census: Shell, tmp_path: Path) -> None:
    ran = census("plan", "--env", "local", "--azdo", AGENT_TEMPDIRECTORY=str(tmp_path), TF_BUILD="True")
    (uploaded,) = re.findall(r"^##vso\[task.uploadsummary\](.*)$", ran.out, re.MULTILINE)
    assert "retrainctl plan" in Path(uploaded).read_text()
    assert "##vso[task.setvariable variable=retrainctl.changes;isOutput=true]1\n" in ran.out


def test_json_on_stdout_stays_json_beside_log_commands(census: Shell, tmp_path: Path) -> None:
    ran = census("plan", "--env", "local", "--azdo", "--output", "json", AGENT_TEMPDIRECTORY=str(tmp_path))
    assert json.loads(ran.out)["environment"] == "local"
    assert "##vso[task.setvariable" in ran.err


def test_review_offline_then_apply_by_digest_and_a_moved_plan_is_refused(census: Shell) -> None:
    census("snapshot", "pull", "--env", "local", "--out", "snap")
    census("plan", "--env", "local", "--snapshot", "snap", "--out", "reviewed.json")
    digest = json.loads((census.folder / "reviewed.json").read_text())["digest"]
    manifest = census.folder / "manifests/census.yaml"
    reviewed = manifest.read_text()
    manifest.write_text(reviewed.replace("team: growth", "team: other"))
    moved = census("apply", "--env", "local", "--expect-digest", digest, "--yes", code=4)
    assert digest in moved.err
    explained = census("apply", "--env", "local", "--reviewed", "reviewed.json", "--yes", code=4)
    assert "WebService/census" in explained.err
    manifest.write_text(reviewed)
    assert "verified" in census("apply", "--env", "local", "--expect-digest", digest, "--yes").out


def test_an_estate_is_on_board_in_one_command(census: Shell) -> None:
    census("init", "--from-live", "--env", "local", "--dir", "estate")
    estate = Shell(census.folder / "estate", census.environ)
    assert "No changes" in estate("plan", "--env", "local", "--detailed-exitcode").out
    assert "Nothing new" in estate("import", "--env", "local").out


def test_a_classic_workspace_is_on_board_with_its_endpoints_folded(shell: Shell, repo: Path) -> None:
    folder = shell.folder / "bike"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    bike = Shell(folder, shell.environ)
    bike("emulator", "up", "--seed", "seed")
    bike("apply", "--env", "local", "--yes")
    made = bike("init", "--from-live", "--env", "local", "--dir", "estate")
    assert "serves cannot be read" in made.err
    estate = Shell(folder / "estate", shell.environ)
    assert "No changes" in estate("plan", "--env", "local", "--detailed-exitcode").out
    (table,) = (folder / "estate/manifests").glob("*.csv")
    assert len(table.read_text().splitlines()) == 11
    assert "Nothing new" in estate("import", "--env", "local").out


def test_environments_side_by_side_and_promotion(census: Shell) -> None:
    project = census.folder / "retrainctl.yaml"
    text = project.read_text()
    test = "    test: {emulator: {state: .retrainctl/emulator}, vars: {census: 2}}\n"
    text = text.replace("  environments:\n", f"  vars: {{census: 1}}\n  environments:\n{test}")
    project.write_text(text.replace("local: {emulator: {}}", "local: {emulator: {}, vars: {census: 1}}"))
    manifest = census.folder / "manifests/census.yaml"
    manifest.write_text(manifest.read_text().replace("census@2", '"census@{{ vars.census }}"'))
    both = census("plan", "--env", "test", "--env", "local", "--json", "m.json", "--detailed-exitcode", code=2)
    assert re.search(r"WebService/census +~ update census@1 → @2.* +~ update tags.team", both.out)
    assert set(json.loads((census.folder / "m.json").read_text())["environments"]) == {"test", "local"}
    census("plan", "--env", "test", "--env", "local", "--out", "p.json", code=64)

    assert "would edit retrainctl.yaml" in census("promote", "--from", "test", "--to", "local", "--dry-run").out
    census("promote", "--from", "test", "--to", "local")
    assert "vars.census = 2" in census("render", "--env", "local", "--explain", "vars.census").out
    assert "Census Model [trained model]: census@2" in census("render", "--env", "local").out
    assert "Nothing to promote" in census("promote", "--from", "test", "--to", "local").out


def test_the_graph_shows_the_move_of_a_plan(census: Shell) -> None:
    census("plan", "--env", "local", "--out", "p.json")
    text = census("graph", "--plan", "p.json").out
    assert "(old) [Census Model [trained model]] ~ update: WebService census" in text
    assert census("graph", "--output", "mermaid").out.startswith("flowchart LR\n")
    ElementTree.fromstring(census("graph", "--output", "svg", "--plan", "p.json").out)
    assert "digraph" in census("graph", "--output", "dot").out


def test_a_thousand_endpoints_are_one_picture(shell: Shell, repo: Path) -> None:
    folder = shell.folder / "bike"
    shutil.copytree(repo / "manifests/bike-rental", folder, ignore=shutil.ignore_patterns(".retrainctl"))
    text = Shell(folder, shell.environ)("graph", "--var", "locations=1010", "--output", "mermaid").out
    assert "1,010 " in text
    assert len(text) < 2_000
