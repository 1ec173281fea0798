"""From a project's files to desired state."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrainctl.diagnostics import Span
from retrainctl.errors import InvalidInput
from retrainctl.manifest.load import load
from retrainctl.manifest.project import find_project
from retrainctl.model.address import Address
from retrainctl.model.environment import (
    EMULATOR_RESOURCE_GROUP,
    EMULATOR_SUBSCRIPTION,
    EMULATOR_WORKSPACE,
    AzuremlSettings,
)
from retrainctl.model.values import SecretRef
from tests.support.project_files import PROJECT, codes, loaded, manifest, write

FULL = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: bike-rental}
spec:
  manifests: [manifests/]
  vars: {maxRmse: 60, locations: 10}
  environments:
    local: {emulator: {state: ../shared-state}}
    prod:
      arm:
        subscription: 0000-1111
        resourceGroup: "rg-{{ environment }}-{{ vars.maxRmse }}"
        apiVersion: 2016-05-01-preview
      classic: {workspace: d2f6, location: South Central US, token: {env: AML_WORKSPACE_TOKEN}}
      azureml: {subscription: 0000-1111, resourceGroup: g, workspace: w}
      storage: {acct: {key: {keyVault: "https://v.vault.azure.net", secret: k}}, other: {}}
      vars: {maxRmse: 55}
      ledger: azblob://account/container/bike-rental/prod
      limits: {updates: 30%}
      protect: ["WebService/billing*"]
      freeze: [WebService/old]
      rollout:
        {canary: {percent: 5}, bake: 2m, maxFailures: 1, onFailure: stop,
         checks: [{score: sample.json, path: "Scored Labels", between: [0, 1000]}]}
"""

CENSUS = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: census}
spec:
  versions:
    - {version: 6, file: census.ilearner}
    - {version: 7, uri: "https://acct.blob.core.windows.net/models/census/7.ilearner", sha256: "%s",
       trainedAt: 2026-11-02T08:00:00Z, metrics: {AUC: 0.913}, run: 5f6e, etag: "0x1"}
---
apiVersion: retrainctl/v1
kind: CommitmentPlan
metadata: {name: s1}
spec: {name: plan-one, resourceGroup: billing, location: West Europe, sku: {name: S1, tier: Standard, capacity: 1}}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: census, after: [WebService/first]}
spec:
  name: RetrainSamplePre.2016.8.17.0.3.51.237
  models: {"Retrain Samp.le [trained model]": census@7}
  location: South Central US
  title: T
  description: D
  tags: {team: growth}
  realtimeConfiguration: {maxConcurrentCalls: 30}
  diagnostics: {level: Error}
  commitmentPlan: CommitmentPlan/s1
  storageAccount: {name: acct, key: {env: STORAGE_KEY}}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: first}
spec: {resourceGroup: other}
""" % ("AB" * 32)


def test_a_whole_project(tmp_path: Path) -> None:
    files = {"retrainctl.yaml": FULL, "manifests/census.yaml": CENSUS, "sample.json": "{}"}
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/census.ilearner").write_bytes(b"model")
    result = loaded(tmp_path, files, "prod")
    assert result.diagnostics == ()
    environment = result.environment
    assert environment.vars == {"maxRmse": 55, "locations": 10}
    assert environment.arm is not None
    assert (environment.arm.resource_group, environment.arm.api_version) == ("rg-prod-55", "2016-05-01-preview")
    assert environment.classic is not None
    assert environment.classic.token == SecretRef("env", "AML_WORKSPACE_TOKEN")
    assert environment.storage["acct"].key == SecretRef("keyVault", "https://v.vault.azure.net", "k")
    assert environment.storage["other"].key is None
    assert environment.azureml == AzuremlSettings(subscription="0000-1111", resource_group="g", workspace="w")
    assert environment.ledger == "azblob://account/container/bike-rental/prod"
    assert environment.guards.limits == {"updates": "30%", "deletes": 0}
    assert environment.guards.protect == ("WebService/billing*",)
    assert environment.guards.freeze == ("WebService/old",)
    assert environment.rollout["canary"] == {"percent": 5}
    assert environment.span == Span("retrainctl.yaml", 9, 5)

    census = result.models["census"]
    assert [version.label for version in census.versions] == ["census@6", "census@7"]
    assert census.versions[0].file == "manifests/census.ilearner"
    seventh = census.versions[1]
    assert seventh.sha256 == "ab" * 32
    assert (seventh.trained_at, seventh.run, seventh.etag) == ("2026-11-02T08:00:00Z", "5f6e", "0x1")
    assert seventh.metrics == {"AUC": 0.913}
    assert seventh.origin == Span("manifests/census.yaml", 7, 7)

    plan, service, first = result.desired
    assert plan.address == Address("CommitmentPlan", "s1")
    assert plan.place == {"name": "plan-one", "resourceGroup": "billing"}
    assert plan.fields == {"location": "West Europe", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}}
    assert service.place == {"name": "RetrainSamplePre.2016.8.17.0.3.51.237", "resourceGroup": "rg-prod-55"}
    assert service.fields == {
        "location": "South Central US",
        "title": "T",
        "description": "D",
        "tags": {"team": "growth"},
        "realtimeConfiguration": {"maxConcurrentCalls": 30},
        "diagnostics": {"level": "Error"},
        "storageAccount": {"name": "acct", "key": SecretRef("env", "STORAGE_KEY")},
        "commitmentPlan": {
            "id": "/subscriptions/0000-1111/resourceGroups/billing"
            "/providers/Microsoft.MachineLearning/commitmentPlans/plan-one"
        },
    }
    assert service.slots == {"Retrain Samp.le [trained model]": seventh}
    assert service.after == (Address("WebService", "first"), Address("CommitmentPlan", "s1"))
    assert service.span(("title",)) == Span("manifests/census.yaml", 22, 3)
    assert service.span(("models", "Retrain Samp.le [trained model]")) == Span("manifests/census.yaml", 20, 12)
    assert service.span(("commitmentPlan", "id")) == Span("manifests/census.yaml", 27, 3)
    assert service.span(("storageAccount", "key")) == Span("manifests/census.yaml", 28, 32)
    assert first.fields == {}
    assert first.place == {"name": "first", "resourceGroup": "other"}
    assert dict(result.sources)["manifests/census.yaml"] == hashlib.sha256(CENSUS.encode()).hexdigest()
    assert [name for name, _ in result.sources] == ["manifests/census.yaml", "retrainctl.yaml"]


def test_the_emulator_is_every_target(tmp_path: Path) -> None:
    result = loaded(tmp_path, {"retrainctl.yaml": FULL, "manifests/x.yaml": manifest("WebService", "a")})
    environment = result.environment
    assert result.diagnostics == ()
    assert environment.emulator is not None
    assert environment.emulator.state == tmp_path / "../shared-state"
    assert environment.arm is not None
    assert environment.arm.subscription == EMULATOR_SUBSCRIPTION
    assert environment.classic is not None
    assert environment.classic.workspace == EMULATOR_WORKSPACE
    assert environment.guards.limits == {}
    assert result.desired[0].place == {"name": "a", "resourceGroup": EMULATOR_RESOURCE_GROUP}


def test_a_slot_of_an_environments_region_is_not_managed(tmp_path: Path) -> None:
    """The environment's region is for what is created; a service that declares no region keeps its own."""
    files = {"manifests/a.yaml": manifest("WebService", "a", "{title: x}") + "---\n" + manifest("CommitmentPlan", "p")}
    result = loaded(tmp_path, files)
    assert [dict(one.fields) for one in result.desired] == [{}, {"title": "x"}]
    whole = loaded(tmp_path, {"manifests/a.yaml": manifest("CommitmentPlan", "p", "{sku: {name: S1}}")})
    assert whole.desired[0].fields == {"sku": {"name": "S1"}, "location": "South Central US"}


def test_a_full_arm_id_names_a_plan_that_is_not_declared(tmp_path: Path) -> None:
    identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearning/commitmentPlans/p"
    files = {"manifests/a.yaml": manifest("WebService", "a", f"{{commitmentPlan: {identity}}}")}
    (service,) = loaded(tmp_path, files).desired
    assert service.fields == {"commitmentPlan": {"id": identity}}
    assert service.after == ()


def test_manifests_may_stand_in_the_project_file(tmp_path: Path) -> None:
    result = loaded(tmp_path, {"retrainctl.yaml": PROJECT + "---\n" + manifest("WebService", "a")})
    assert result.diagnostics == ()
    assert [str(one.address) for one in result.desired] == ["WebService/a"]
    assert result.desired[0].origin == Span("retrainctl.yaml", 9, 1)


def test_which_files_are_manifests(tmp_path: Path) -> None:
    project = PROJECT.replace("spec:", "spec:\n  manifests: [one.yaml, more/, 'glob/*-x.yaml', ./more]")
    names = ["one.yaml", "more/b.yml", "more/a/c.yaml", "glob/1-x.yaml"]
    ignored = ["two.yaml", "more/.hidden.yaml", "more/.git/x.yaml", "more/readme.md", "glob/1-y.yaml"]
    files = {name: manifest("WebService", f"{number}") for number, name in enumerate(names)}
    files = {name: text.replace("name: ", "name: w") for name, text in files.items()}
    broken = dict.fromkeys(ignored, "not: [a manifest")
    result = loaded(tmp_path, {"retrainctl.yaml": project, **files, **broken})
    assert result.diagnostics == ()
    assert {name for name, _ in result.sources} == {"retrainctl.yaml", *names}
    assert [str(one.address) for one in result.desired] == [
        "WebService/w0",
        "WebService/w2",
        "WebService/w1",
        "WebService/w3",
    ]


def test_the_manifests_folder_is_the_default_and_may_be_missing(tmp_path: Path) -> None:
    assert loaded(tmp_path, {}).diagnostics == ()
    assert len(loaded(tmp_path, {"manifests/a.yaml": manifest("WebService", "a")}).desired) == 1


@pytest.mark.parametrize("link", ["manifests/a.yaml", "manifests/rows.csv", "manifests/sub"])
def test_links_out_of_the_project_are_refused(tmp_path: Path, link: str) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    outside.mkdir()
    (outside / "a.yaml").write_text(manifest("WebService", "a"))
    (outside / "rows.csv").write_text("id\n1\n")
    each = manifest("WebService", '"w{{ item.id }}"', more="forEach: {csv: rows.csv}")
    write(root, {"manifests/b.yaml": each if link.endswith("csv") else manifest("WebService", "b")})
    target = outside if link.endswith("sub") else outside / Path(link).name
    (root / link).symlink_to(target)
    result = load(root / "retrainctl.yaml", "local", {}, {})
    assert codes(result) == ["RC110"]
    assert "leads out of the project folder" in result.diagnostics[0].message
    assert not any(str(one.address) == "WebService/a" for one in result.desired)


def test_links_inside_the_project_are_followed_once(tmp_path: Path) -> None:
    root = tmp_path
    write(root, {"shared/a.yaml": manifest("WebService", "a"), "manifests/b.yaml": manifest("WebService", "b")})
    (root / "manifests" / "shared").symlink_to(root / "shared")
    (root / "manifests" / "again").symlink_to(root / "manifests")
    result = load(root / "retrainctl.yaml", "local", {}, {})
    assert result.diagnostics == ()
    assert [str(one.address) for one in result.desired] == ["WebService/b", "WebService/a"]


def test_a_pipe_is_not_a_file(tmp_path: Path) -> None:
    file = write(
        tmp_path, {"manifests/a.yaml": manifest("WebService", '"{{ item.id }}"', more="forEach: {csv: p.csv}")}
    )
    os.mkfifo(tmp_path / "manifests" / "p.csv")
    result = load(file, "local", {}, {})
    assert codes(result) == ["RC109"]
    assert "is not a file" in result.diagnostics[0].message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = write(tmp_path, {"manifests/a.yaml": manifest("WebService", "a")})
    (tmp_path / "manifests" / "a.yaml").chmod(0)
    result = load(file, "local", {}, {})
    assert codes(result) == ["RC109"]
    assert "permission denied" in result.diagnostics[0].message


def test_the_project_is_found_upwards(tmp_path: Path) -> None:
    file = write(tmp_path, {"a/b/c.txt": ""})
    assert find_project(tmp_path / "a" / "b", None) == file.resolve()
    assert find_project(tmp_path / "a", file) == file
    assert find_project(tmp_path / "a", tmp_path) == file


def test_no_project_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    for start, explicit in ((tmp_path, None), (tmp_path, tmp_path / "other.yaml"), (tmp_path, tmp_path)):
        with pytest.raises(InvalidInput) as failed:
            find_project(start, explicit)
        (finding,) = failed.value.diagnostics
        assert finding.code == "RC010"
        assert finding.hint
        assert "retrainctl init" in finding.hint
    with pytest.raises(InvalidInput):
        load(tmp_path / "retrainctl.yaml", "local", {}, {})


def test_all_errors_of_a_run_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "manifests/a.yaml": manifest("WebService", "a", "{title: [}")
        + "---\n"
        + manifest("WebService", "b", "{titel: x}"),
        "manifests/b.yaml": manifest(
            "WebService", "c", '{title: "{{ vars.nope }}", realtimeConfiguration: {maxConcurrentCalls: 3}}'
        ),
        "manifests/c.yaml": manifest("WebServce", "d") + "---\n" + manifest("Model", "m", "{versions: [{version: 1}]}"),
    }
    result = loaded(tmp_path, files)
    assert codes(result) == ["RC101", "RC113", "RC122", "RC118", "RC112", "RC114"]


def test_variables_weakest_first(tmp_path: Path) -> None:
    project = PROJECT.replace("vars: {locations: 2}", "vars: {a: project, b: project, c: project, d: project}").replace(
        "{emulator: {}}", "{emulator: {}, vars: {b: env, c: env, d: env}}"
    )
    title = '{title: "{{ vars.a }} {{ vars.b }} {{ vars.c }} {{ vars.d }}"}'
    result = loaded(
        tmp_path,
        {"retrainctl.yaml": project, "manifests/a.yaml": manifest("WebService", "a", title)},
        environ={"RETRAINCTL_VAR_c": "environ", "RETRAINCTL_VAR_d": "environ", "OTHER": "x"},
        overrides={"d": "option"},
    )
    assert result.diagnostics == ()
    assert result.desired[0].fields["title"] == "project env environ option"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1000", 1000),
        ("1.5", 1.5),
        ("true", True),
        ("", None),
        ("text", "text"),
        ("'012'", "012"),
        ('"on"', "on"),
        ("a: b", "a: b"),
    ],
)
def test_variables_from_outside_are_yaml_scalars(tmp_path: Path, text: str, value: object) -> None:
    result = loaded(tmp_path, {}, environ={"RETRAINCTL_VAR_locations": text})
    assert result.diagnostics == ()
    assert result.environment.vars["locations"] == value
    assert loaded(tmp_path, {}, overrides={"locations": text}).environment.vars["locations"] == value


def test_references_into_a_broken_file_are_not_reported(tmp_path: Path) -> None:
    files = {
        "manifests/a.yaml": manifest("WebService", "a", "{models: {x: census@1}, commitmentPlan: CommitmentPlan/s1}"),
        "manifests/b.yaml": "kind: [",
    }
    assert codes(loaded(tmp_path, files)) == ["RC101"]


def test_a_version_that_a_model_lost_to_a_csv_error_is_not_reported_again(tmp_path: Path) -> None:
    files = {
        "manifests/a.yaml": manifest("Model", "m", "{versions: {csv: v.csv}}")
        + "---\n"
        + manifest("WebService", "a", "{models: {x: m@1}}"),
        "manifests/v.csv": "version,uri\n1,http://x/y\n",
    }
    assert codes(loaded(tmp_path, files)) == ["RC142"]


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    file = write(tmp_path, {"manifests/a.yaml": manifest("WebService", "a")})
    with (tmp_path / "manifests" / "big.yaml").open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)
    result = load(file, "local", {}, {})
    assert codes(result) == ["RC103"]
    assert "manifests/big.yaml" not in dict(result.sources)


def test_a_good_project_needs_no_slow_library(tmp_path: Path) -> None:
    """Jinja2 only for expressions that are more than look-ups, jsonschema and difflib only to explain errors."""
    each = manifest("WebService", '"w{{ item.id }}"', '{title: "{{ environment }}"}', "forEach: {csv: rows.csv}")
    write(tmp_path, {"manifests/a.yaml": each, "manifests/rows.csv": "id\n1\n2\n"})
    code = (
        "import sys; from pathlib import Path; from retrainctl.manifest.load import load;"
        "loaded = load(Path(sys.argv[1]), 'local', {}, {});"
        "assert len(loaded.desired) == 2 and not loaded.diagnostics;"
        "slow = {'jinja2', 'jsonschema', 'difflib', 'azure', 'deepdiff', 'ruamel'} & set(sys.modules);"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "retrainctl.yaml")], check=True)
