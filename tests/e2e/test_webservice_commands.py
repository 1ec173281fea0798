"""The scenario tests of Az.MachineLearning, told with our commands against the emulator, and what they got wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import environment
from tests.support.inside import Inside

CENSUS = Path(__file__).resolve().parents[2] / "manifests" / "census"
ACCOUNT = ("--storage-account", "censusstorage", "--storage-key", "env:CENSUS_STORAGE_KEY")


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """One project with its emulator, a plan to pay with and an export, for all tests of this file."""
    folder = tmp_path_factory.mktemp("services") / "census"
    shutil.copytree(CENSUS, folder)
    run = Inside(folder, environment())
    run("emulator", "up", "--seed", "seed/")
    run("commitment-plan", "create", "payer", "--sku", "S1", "--tier", "Standard", "--yes")
    run("webservice", "export", "census", "--out", "e.json")
    yield run
    for ready in folder.rglob("emulator.json"):
        emulator.stop(ready.parent)


def made(cli: Inside, name: str, *more: str) -> None:
    cli("webservice", "create", name, "--definition", "e.json", "--commitment-plan", "payer", *ACCOUNT, *more, "--yes")


def shown(cli: Inside, *command: str) -> Any:
    return json.loads(cli(*command, "--output", "json").out)


# Web services: create, get, update, list, remove, from a file, regional properties


def test_the_life_of_a_service(cli: Inside) -> None:
    made(cli, "life", "--title", "First", "--tag", "team=growth")
    found = shown(cli, "webservice", "get", "life")
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert (found["properties"]["title"], found["tags"]) == ("First", {"team": "growth"})
    before = found["properties"]

    cli("webservice", "update", "life", "--title", "Second", "--max-concurrent-calls", "30", "--yes")
    after = shown(cli, "webservice", "get", "life")["properties"]
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"title", "realtimeConfiguration", "modifiedOn"}, "nothing else was touched"

    assert "life" in cli("webservice", "list", "--query", "[].name", "--output", "tsv").out.split()
    assert "life" in cli("webservice", "list", "-g", "local", "--query", "[].name", "--output", "tsv").out.split()
    cli("webservice", "remove", "life", "--yes")
    assert "RC302" in cli("webservice", "get", "life", code=1).err
    assert "RC901" in cli("webservice", "remove", "life", "--yes", code=1).err, "a 202 for nothing is no success"


def test_what_exists_is_never_overwritten(cli: Inside) -> None:
    before = shown(cli, "webservice", "get", "census")
    refused = cli("webservice", "import", "e.json", "--name", "census", "--title", "Oops", "--yes", code=1)
    assert "RC900" in refused.err
    assert "--update" in refused.err
    assert shown(cli, "webservice", "get", "census") == before


def test_an_update_that_changes_nothing_says_so(cli: Inside) -> None:
    title = shown(cli, "webservice", "get", "census")["properties"]["title"]
    before = shown(cli, "webservice", "get", "census")["properties"]["modifiedOn"]
    assert "nothing was sent" in cli("webservice", "update", "census", "--title", title, "--yes").err
    assert shown(cli, "webservice", "get", "census")["properties"]["modifiedOn"] == before
    cli("webservice", "update", "census", "--yes", code=64)


def test_an_export_imports_again_and_equals_its_bytes(cli: Inside) -> None:
    first = (cli.folder / "e.json").read_bytes()
    cli("webservice", "update", "census", "--description", "Somebody was here", "--yes")
    cli("webservice", "import", "e.json", "--name", "census", "--update", "--what-if")
    assert shown(cli, "webservice", "get", "census")["properties"]["description"] == "Somebody was here"
    cli("webservice", "import", "e.json", "--name", "census", "--update", "--yes")
    cli("webservice", "export", "census", "--out", "again.json")
    assert (cli.folder / "again.json").read_bytes() == first


def test_the_cmdlets_form_imports_too(cli: Inside) -> None:
    text = (cli.folder / "e.json").read_text()
    text = text.replace('"packageType": "Graph",', '"packageType": "Graph", "keys": {"primary": "in-clear-in-clear"},')
    theirs = text.replace('"assets"', '"Assets"').replace('"locationInfo"', '"LocationInfo"').replace("\n", "\r\n")
    (cli.folder / "theirs.json").write_bytes(b"\xef\xbb\xbf" + theirs.encode())
    made = ("webservice", "import", "theirs.json", "--name", "fromcmdlet", "--commitment-plan", "payer", *ACCOUNT)
    ran = cli(*made, "--yes")
    assert "keys.primary" in ran.err
    assert "in-clear" not in ran.out + ran.err
    ours = shown(cli, "webservice", "get", "census")["properties"]["assets"]
    assert shown(cli, "webservice", "get", "fromcmdlet")["properties"]["assets"].keys() == ours.keys()


def test_the_acceptance_of_the_issue(cli: Inside) -> None:
    cli("webservice", "export", "census", "--env", "local", "--out", "x.json")
    what = cli("webservice", "import", "x.json", "--what-if", "--env", "local")
    assert what.out.startswith("PUT https://management.azure.com/subscriptions/")
    assert "RC339" in what.err, "it says what the service would refuse"
    assert "x" not in cli("webservice", "list", "--query", "[].name", "--output", "tsv").out.split()
    create = ("--sku", "S1", "--tier", "Standard", "--location", "southcentralus", "--env", "local", "--yes")
    cli("commitment-plan", "create", "s1", *create)
    rows = [
        line.split() for line in cli("commitment-plan", "list", "--env", "local", "--output", "table").out.splitlines()
    ]
    assert ["s1", "southcentralus", "S1", "Standard", "1"] in rows
    cli("webservice", "regional", "add", "census", "--region", "westcentralus", "--env", "local", "--yes")


def test_regional_properties(cli: Inside) -> None:
    missing = cli("webservice", "get", "census", "--region", "japaneast", code=1)
    assert "PerRegionPayloadNotFound" in missing.err
    assert "request id: " in missing.err
    cli("webservice", "regional", "add", "census", "--region", "Japan East", "--yes")
    assert shown(cli, "webservice", "get", "census", "--region", "japaneast")["location"] == "South Central US"
    assert "nothing was sent" in cli("webservice", "regional", "add", "census", "--region", "japaneast", "--yes").err


def test_keys_are_masked_and_regenerated_by_name(cli: Inside) -> None:
    def pair() -> list[str]:
        return cli("webservice", "keys", "census", "--show", "--output", "tsv").out.strip().split("\t")

    old = pair()
    masked = cli("webservice", "keys", "census").out
    assert not any(key in masked for key in old)
    shown_only = cli("webservice", "keys", "census", "--regenerate", "secondary", "--what-if")
    assert "PATCH " in shown_only.out
    assert pair() == old
    cli("webservice", "keys", "census", "--regenerate", "secondary", "--yes")
    new = pair()
    assert (new[0] == old[0], new[1] == old[1]) == (True, False)
    ledger = cli.folder / ".retrainctl" / "ledger"
    assert not any(new[1].encode() in file.read_bytes() for file in ledger.rglob("*") if file.is_file())


def test_a_secret_on_the_command_line_is_refused_unseen(cli: Inside) -> None:
    refused = cli("webservice", "update", "census", "--primary-key", "hunter2hunter2", "--yes", code=64)
    assert "hunter2" not in refused.out + refused.err
    assert "env:NAME" in refused.err


def test_nothing_is_sent_unless_somebody_says_yes(cli: Inside) -> None:
    before = shown(cli, "webservice", "get", "census")
    assert "RC501" in cli("webservice", "update", "census", "--title", "No", code=1).err
    assert "RC501" in cli("webservice", "remove", "census", code=1).err
    assert shown(cli, "webservice", "get", "census") == before


def test_a_wrong_kind_of_id_is_refused(cli: Inside) -> None:
    plan = shown(cli, "commitment-plan", "get", "payer")["id"]
    assert shown(cli, "commitment-plan", "get", plan)["name"] == "payer"
    refused = cli("webservice", "get", plan, code=1).err
    assert "commitmentPlans" in refused
    assert "valid ARM resource id" in cli("webservice", "get", "/subscriptions/x", code=1).err.replace("\n  ", " ")


def test_single_commands_stand_in_the_history_and_go_back(cli: Inside) -> None:
    cli("webservice", "update", "census", "--title", "For a while", "--yes")
    last = shown(cli, "history")[-1]
    assert (last["command"], last["writes"], last["done"]) == ("webservice update", 1, 1)
    cli("rollback", "last", "--yes")
    assert shown(cli, "webservice", "get", "census")["properties"]["title"] != "For a while"


# Commitment plans


def test_the_life_of_a_commitment_plan(cli: Inside) -> None:
    cli("commitment-plan", "create", "cp", "--sku", "S1", "--capacity", "2", "--tag", "a=1", "--yes")
    assert "RC900" in cli("commitment-plan", "create", "cp", "--sku", "S2", "--yes", code=1).err
    patched = json.loads(cli("commitment-plan", "update", "cp", "--sku", "S2", "--yes", "--output", "json").out)
    assert patched["sku"] == {"name": "S2", "tier": "Standard", "capacity": 2}, "the capacity was not named"
    assert patched["tags"] == {"a": "1"}
    cli("commitment-plan", "update", "cp", "--tag", "b=2", "--remove-tag", "a", "--yes")
    assert shown(cli, "commitment-plan", "get", "cp")["tags"] == {"b": "2"}
    cli("commitment-plan", "remove", "cp", "--yes")
    gone = cli("commitment-plan", "get", "cp", code=1).err
    assert "ResourceNotFound" in gone
    assert "request id: " in gone


def test_sizes_usage_and_associations(cli: Inside) -> None:
    assert set(cli("commitment-plan", "skus", "--query", "[].name", "-o", "tsv").out.split()) >= {"S1", "S2", "DevTest"}
    cli("commitment-plan", "create", "other", "--sku", "S2", "--yes")
    made(cli, "billed")
    assert shown(cli, "association", "get", "payer", "billed")["properties"]["commitmentPlanId"].endswith("/payer")
    what = cli("association", "move", "payer", "billed", "--to", "other", "--what-if").out
    assert what.startswith("POST ")
    assert "/move?" in what
    cli("association", "move", "payer", "billed", "--to", "other", "--yes")
    listed = shown(cli, "association", "list", "other")
    assert [item["properties"]["associatedResourceId"].rsplit("/", 1)[1] for item in listed] == ["billed"]
    assert "RC901" in cli("association", "get", "payer", "billed", code=1).err
    assert shown(cli, "history")[-1]["command"] == "association move"
    assert shown(cli, "commitment-plan", "usage", "other") == []
    cli("score", "billed", "--input", "sample.json")
    (day,) = shown(cli, "commitment-plan", "usage", "other")
    assert day["usage"]["machineLearningWebServiceTransactions"] == 1
    assert day["planQuantitiesAfterUsage"]["machineLearningWebServiceTransactions"] == 2e6 - 1


def test_lists_follow_every_page(cli: Inside) -> None:
    for number in range(3):
        cli("commitment-plan", "create", f"page{number}", "--sku", "DevTest", "--yes")
    cli("emulator", "faults", "page-size=1")
    try:
        names = cli("commitment-plan", "list", "--query", "[].name", "--output", "tsv").out.split()
        assert {"page0", "page1", "page2", "payer"} <= set(names)
    finally:
        cli("emulator", "faults", "--clear")


# Manifests


def test_regions_and_rotations_are_declared(cli: Inside) -> None:
    manifest = cli.folder / "manifests" / "census.yaml"
    text = manifest.read_text()
    old = cli("webservice", "keys", "census", "--show", "--query", "primary", "-o", "tsv").out
    declared = "metadata: {name: census}\nspec:\n  regions: [West Europe]\n  keys: {primary: {rotation: ROTATION}}\n"
    edited = text.replace("kind: WebService\nmetadata: {name: census}\nspec:\n", f"kind: WebService\n{declared}")
    assert edited != text
    try:
        manifest.write_text(edited.replace("ROTATION", "1"))
        plan = cli("plan", "--only", "WebService/census", "--out", "p.json").out
        assert 'regions.westeurope: "missing" → "present"' in plan
        assert "keys-rotate" in plan
        cli("apply", "p.json", "--yes")
        new = cli("webservice", "keys", "census", "--show", "--query", "primary", "-o", "tsv").out
        assert new != old
        assert new.strip() not in (cli.folder / "p.json").read_text()
        cli("webservice", "get", "census", "--region", "westeurope")
        assert "No changes" in cli("plan", "--only", "WebService/census").out
        manifest.write_text(edited.replace("ROTATION", "2"))
        again = cli("plan", "--only", "WebService/census", "--detailed-exitcode", code=2).out
        assert "keys.primary" in again
        assert "regions" not in again
        cli("webservice", "keys", "census", "--regenerate", "primary", "--yes")
        assert "No changes" in cli("plan", "--only", "WebService/census").out, "that was the declared rotation"
        cli("snapshot", "pull", "--out", "snap")
        assert "No changes" in cli("plan", "--only", "WebService/census", "--snapshot", "snap").out
    finally:
        manifest.write_text(text)


def test_who_pays_is_declared(cli: Inside) -> None:
    def payer(plan: str) -> list[str]:
        return [
            item["properties"]["associatedResourceId"].rsplit("/", 1)[1]
            for item in shown(cli, "association", "list", plan)
        ]

    made(cli, "shared")
    manifest = cli.folder / "manifests" / "payers.yaml"
    text = """\
apiVersion: retrainctl/v1
kind: CommitmentPlan
metadata: {name: second}
spec: {location: southcentralus, sku: {name: S2, tier: Standard, capacity: 1}}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: shared}
spec: {title: Shared, commitmentPlan: PLAN}
"""
    old = shown(cli, "commitment-plan", "get", "payer")["id"]
    only = ("--only", "WebService/shared", "--only", "CommitmentPlan/second")
    try:
        # The ledger knows that `payer` was named at creation; nothing is to be done.
        manifest.write_text(text.replace("PLAN", old))
        cli("apply", *only, "--yes")
        assert "No changes" in cli("plan", *only).out
        manifest.write_text(text.replace("PLAN", "CommitmentPlan/second"))
        (name,) = [
            item["name"]
            for item in shown(cli, "association", "list", "payer")
            if item["properties"]["associatedResourceId"].endswith("/shared")
        ]
        plan = cli("plan", *only, "--explain", "--out", "p.json").out
        assert f"/commitmentPlans/payer/commitmentAssociations/{name}/move?" in plan
        assert "another commitment plan pays: second in place of payer" in plan
        script = cli("plan", *only, "--powershell").out
        assert (
            f"Move-AzMlCommitmentAssociation -ResourceGroupName 'local' -CommitmentPlanName 'payer' -Name '{name}'"
            in script
        )
        cli("apply", "p.json", "--yes")
        assert (payer("second"), "shared" in payer("payer")) == (["shared"], False)
        assert "No changes" in cli("plan", *only).out
        cli("snapshot", "pull", "--out", "paid")
        assert "No changes" in cli("plan", *only, "--snapshot", "paid").out

        # Somebody moves it by hand: the plans tell, and the plan calls it drift.
        cli("association", "move", "second", "shared", "--to", "payer", "--yes")
        drifted = cli("plan", *only, "--json", "d.json")
        assert "No changes" not in drifted.out
        assert json.loads((cli.folder / "d.json").read_text())["summary"]["drift"] == 1
        cli("apply", *only, "--yes")
        assert payer("second") == ["shared"]

        cli("rollback", "last", "--yes")
        assert (payer("second"), "shared" in payer("payer")) == ([], True)
    finally:
        manifest.unlink()


def test_a_plan_that_is_given_up_is_left_before_it_is_deleted(cli: Inside) -> None:
    made(cli, "leaving")
    plan = """\
apiVersion: retrainctl/v1
kind: CommitmentPlan
metadata: {name: NAME}
spec: {location: southcentralus, sku: {name: S1, tier: Standard, capacity: 1}}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: leaving}
spec: {commitmentPlan: CommitmentPlan/NAME}
"""
    only = ("--only", "WebService/leaving", "--only", "CommitmentPlan/*")
    manifest = cli.folder / "manifests" / "leaving.yaml"
    try:
        manifest.write_text(plan.replace("NAME", "given-up"))
        cli("apply", *only, "--yes")
        manifest.write_text(plan.replace("NAME", "instead"))
        cli("apply", "--only", "WebService/leaving", "--only", "CommitmentPlan/given-up", "--only",
            "CommitmentPlan/instead", "--prune", "--yes")  # fmt: skip
        assert "ResourceNotFound" in cli("commitment-plan", "get", "given-up", code=1).err
        assert shown(cli, "association", "get", "instead", "leaving")["name"]
    finally:
        manifest.unlink()


# The way back


def test_a_single_command_without_a_plan_says_what_takes_it_back(cli: Inside) -> None:
    made(cli, "once")
    cli("commitment-plan", "create", "elsewhere", "--sku", "S1", "--yes")
    planned = shown(cli, "history")[-1]["run"]
    cli("association", "move", "payer", "once", "--to", "elsewhere", "--yes")
    for more in ((), ("--yes",), ("--out", "back.json")):
        refused = cli("rollback", "last", *more, code=1)
        told = " ".join(refused.err.split())
        assert "RC506" in told
        assert "single command `association move`" in told
        assert "retrainctl association move elsewhere once --to payer" in told
        assert f"The last run with a plan is {planned}." in told
        assert "Traceback" not in refused.err
    assert not (cli.folder / "back.json").exists()
    cli("association", "move", "elsewhere", "once", "--to", "payer", "--yes")
    assert shown(cli, "association", "get", "payer", "once")["properties"]["commitmentPlanId"].endswith("/payer")


def test_what_was_secret_and_what_stays_is_said_and_is_no_success(cli: Inside) -> None:
    made(cli, "secretive")
    cli("webservice", "keys", "secretive", "--regenerate", "primary", "--yes")
    refused = cli("rollback", "last", "--yes", code=1)
    assert "RC504" in refused.err
    assert "the former value of keys.primary is secret and was never stored" in " ".join(refused.err.split())
    cli("webservice", "regional", "add", "secretive", "--region", "japaneast", "--yes")
    refused = cli("rollback", "last", "--yes", code=1)
    assert "regions.japaneast cannot be taken back" in " ".join(refused.err.split())
