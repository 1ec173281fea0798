"""`kind: Retraining`: read into a noun, and everything that cannot work is said before a job is paid for."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrainctl.manifest.kinds.retraining import retraining
from retrainctl.manifest.load import Loaded
from retrainctl.model.retraining import LIVE, DataInput, Gate, Retraining, ServiceRef
from retrainctl.model.values import SecretRef
from tests.support.project_files import codes, loaded

MODEL = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: census}
spec:
  versions:
    - {version: 1, uri: "https://acct.blob.core.windows.net/m/1.ilearner", metrics: {AUC: 0.9}}
"""
SPEC = """\
  trainingService: {arm: census-training}
  outputs: {model: output1, evaluation: output2}
  store: {account: acct, container: models, path: "census/{{ version }}.ilearner"}
  produces: census
"""


def load(tmp_path: Path, spec: str = SPEC, head: str = "", **files: str) -> Loaded:
    text = f"apiVersion: retrainctl/v1\nkind: Retraining\nmetadata: {{name: census}}\n{head}spec:\n{spec}"
    return loaded(tmp_path, {"manifests/model.yaml": MODEL, "manifests/retraining.yaml": text, **files})


def noun(tmp_path: Path, spec: str = SPEC, **files: str) -> Retraining:
    result = load(tmp_path, spec, **files)
    assert result.diagnostics == ()
    (raw,) = result.retrainings
    return retraining(raw)


def test_a_manifest_becomes_a_noun(tmp_path: Path) -> None:
    made = noun(
        tmp_path,
        SPEC + '  globalParameters: {URI: "https://x/y", Rows: 10, Key: {env: KEY}}\n'
        "  gate: [{metric: auc, min: 0.8, notWorseThan: live, tolerance: 2%, whenMissing: pass}]\n"
        "  timeLimit: 2h\n  evaluationRow: 2\n",
    )
    assert made.service == ServiceRef(target="arm", name="census-training")
    assert made.parameters == {"URI": "https://x/y", "Rows": 10, "Key": SecretRef("env", "KEY")}
    assert made.gates == (
        Gate(
            metric="auc",
            minimum=0.8,
            reference=LIVE,
            tolerance=0.02,
            relative=True,
            direction="higher",
            passes_without_reference=True,
        ),
    )
    assert (made.time_limit, made.row) == (7200, 2)
    assert made.blobs(7) == ("census/7.ilearner", "census/7.csv")


def test_the_version_can_be_formatted_and_the_evaluation_named(tmp_path: Path) -> None:
    spec = SPEC.replace("census/{{ version }}", "c/{{ '%03d' % version }}").replace("  produces", "  produces")
    made = noun(tmp_path, spec.replace('.ilearner"}', '.ilearner", evaluation: "e/{{ version }}/eval.csv"}'))
    assert made.blobs(7) == ("c/007.ilearner", "e/7/eval.csv")


def test_inputs_are_files_of_the_project_or_blobs(tmp_path: Path) -> None:
    made = noun(
        tmp_path,
        SPEC + "  inputs:\n    a: {file: ../data/a.csv}\n    b: https://acct.blob.core.windows.net/d/b.tsv\n"
        "    c: {uri: https://acct.blob.core.windows.net/d/c.nh.csv, sas: {env: SAS}}\n",
        **{"data/a.csv": "x\n1\n"},
    )
    assert made.inputs == {
        "a": DataInput(file="data/a.csv"),
        "b": DataInput(uri="https://acct.blob.core.windows.net/d/b.tsv"),
        "c": DataInput(uri="https://acct.blob.core.windows.net/d/c.nh.csv", sas=SecretRef("env", "SAS")),
    }


def test_a_training_service_may_be_a_manifest_of_the_project(tmp_path: Path) -> None:
    service = (
        "apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: train}\n"
        "spec: {name: Train.2016, resourceGroup: other}\n"
    )
    made = noun(
        tmp_path, SPEC.replace("arm: census-training", "arm: WebService/train"), **{"manifests/s.yaml": service}
    )
    assert made.service == ServiceRef(target="arm", name="Train.2016", group="other")
    assert codes(load(tmp_path, SPEC.replace("arm: census-training", "arm: WebService/trian"))) == ["RC132"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("census/{{ version }}.ilearner", "census/model.ilearner", "RC600"),
        ("census/{{ version }}.ilearner", "census/{{ version }}", "RC601"),
        ("census/{{ version }}.ilearner", "census/{{ versoin }}.ilearner", "RC122"),
        ("produces: census", "produces: cencus", "RC134"),
        ("arm: census-training", "arm: x, classic: y", "RC114"),
        ("arm: census-training", "arm: x, endpoint: y", "RC114"),
        ("account: acct", "account: Acct", "RC117"),
        ("container: models", "container: my_models", "RC117"),
        ("outputs: {model: output1, evaluation: output2}", "outputs: {evaluation: output2}", "RC114"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, old: str, new: str, code: str) -> None:
    result = load(tmp_path, SPEC.replace(old, new))
    assert code in codes(result)
    assert result.retrainings == ()
    assert all(finding.span is not None for finding in result.diagnostics)


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("{metric: Lift, notWorseThan: live}", "RC602"),
        ("{metric: Training Log Loss, notWorseThan: live}", "RC602"),
        ("{metric: AUC, notWorseThan: live, direction: lower}", "RC602"),
        ("{metric: AUC, min: 0.9, max: 0.8}", "RC602"),
        ("{metric: AUC, min: 0.9, tolerance: 2%}", "RC602"),
        ("{metric: AUC, max: 1, whenMissing: pass}", "RC602"),
        ("{metric: AUC, notWorseThan: 9}", "RC135"),
        ("{metric: AUC}", "RC114"),
        ("{metric: AUC, min: high}", "RC115"),
        ("{metric: AUC, notWorseThan: live, tolerance: 2 percent}", "RC117"),
        ("{metric: AUC, notWorseThan: best}", "RC116"),
    ],
)
def test_a_gate_that_cannot_work_is_said(tmp_path: Path, gate: str, code: str) -> None:
    found = codes(load(tmp_path, SPEC + f"  gate: [{gate}]\n"))
    assert found == [code], found


def test_an_own_metric_needs_a_direction(tmp_path: Path) -> None:
    made = noun(tmp_path, SPEC + "  gate: [{metric: Lift, notWorseThan: 1, direction: higher}]\n")
    assert made.gates[0].direction == "higher"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("{file: missing.csv}", "RC109"),
        ("{file: ../../out.csv}", "RC110"),
        ("https://acct.blob.core.windows.net/d/b.parquet", "RC601"),
        ("{uri: 'https://acct.blob.core.windows.net/d/b.csv?sv=1&sig=abcdefgh'}", "RC120"),
    ],
)
def test_an_input_that_cannot_be_read_is_said(tmp_path: Path, given: str, code: str) -> None:
    assert code in codes(load(tmp_path, SPEC + f"  inputs: {{input1: {given}}}\n"))


def test_two_retrainings_of_one_model_are_an_error(tmp_path: Path) -> None:
    assert codes(load(tmp_path, SPEC.replace("census/{{", "{{ item }}/{{"), "forEach: {list: [a, b]}\n")) == ["RC130"]
    other = f"apiVersion: retrainctl/v1\nkind: Retraining\nmetadata: {{name: other}}\nspec:\n{SPEC}".replace(
        "census/{{", "other/{{"
    )
    assert codes(load(tmp_path, **{"manifests/z.yaml": other})) == ["RC604"]


def test_two_models_at_one_place_are_an_error(tmp_path: Path) -> None:
    other = f"apiVersion: retrainctl/v1\nkind: Retraining\nmetadata: {{name: other}}\nspec:\n{SPEC}".replace(
        "produces: census", "produces: income"
    )
    models = MODEL.replace("name: census", "name: income")
    found = codes(load(tmp_path, **{"manifests/z.yaml": other, "manifests/y.yaml": models}))
    assert found == ["RC600"]


def test_a_literal_secret_is_refused(tmp_path: Path) -> None:
    spec = SPEC + '  globalParameters: {URI: "https://x/y?sv=1&sig=abcdefghijkl"}\n'
    assert "RC120" in codes(load(tmp_path, spec))
