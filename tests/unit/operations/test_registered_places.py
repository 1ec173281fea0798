"""Where versions are for a target that registers models, and which versions a Studio service refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from retrainctl.apply.uploads import content_sha256
from retrainctl.model.address import Address
from retrainctl.operations.placing import place_files
from retrainctl.operations.scoring import declared_example, service_of
from retrainctl.ports import Reading
from tests.support.project_files import codes, loaded, manifest

WS = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/local"
    "/providers/Microsoft.MachineLearningServices/workspaces/local"
)
BLUE = Address("OnlineDeployment", "blue")


def project(tmp_path: Path, versions: str, *more: str) -> dict[str, str]:
    (tmp_path / "models/saved").mkdir(parents=True)
    (tmp_path / "models/churn.onnx").write_bytes(b"model")
    (tmp_path / "models/saved/MLmodel").write_bytes(b"flavors: {}\n")
    documents = [
        manifest("Model", "churn", f"{{versions: [{versions}]}}"),
        manifest("OnlineEndpoint", "churn", "{auth_mode: key, example: sample.json}"),
        manifest("OnlineDeployment", "blue", "{endpoint_name: churn, model: churn@1, instance_type: Standard_DS3_v2}"),
        *more,
    ]
    return {"manifests/a.yaml": "---\n".join(documents), "manifests/sample.json": '{"input_data": {}}\n'}


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("file: ../models/churn.onnx", "models/churn.onnx"),
        ("file: ../models/saved", "models/saved"),
        ("uri: https://acct.blob.core.windows.net/m/1.onnx", "https://acct.blob.core.windows.net/m/1.onnx"),
        ("uri: azureml://jobs/j1/outputs/model/paths/m", "azureml://jobs/j1/outputs/model/paths/m"),
        ("registered: azureml:churn:1", None),
    ],
)
def test_a_version_gets_its_hash_and_keeps_its_registered_id(tmp_path: Path, source: str, file: str | None) -> None:
    project_loaded = loaded(tmp_path, project(tmp_path, f"{{version: 1, {source}}}"))
    assert codes(project_loaded) == []
    placed = place_files(project_loaded, {"azureml": Reading()}, {})
    assert placed.findings == ()
    (version,) = (one.slots["model"] for one in placed.desired if one.address == BLUE)
    assert (version.uri, version.file) == (f"{WS}/models/churn/versions/1", file)
    local = file is not None and "://" not in file
    assert version.sha256 == (content_sha256(tmp_path / str(file)) if local else None)


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"model")
    assert content_sha256(tmp_path / "f") == hashlib.sha256(b"model").hexdigest()


@pytest.mark.parametrize(
    "source", ["file: ../models/saved", "uri: azureml://jobs/j1/outputs/model/paths/m", "registered: azureml:churn:1"]
)
def test_a_studio_service_takes_none_of_the_new_sources(tmp_path: Path, source: str) -> None:
    service = manifest("WebService", "census", '{models: {"x [trained model]": churn@1}}')
    found = loaded(tmp_path, project(tmp_path, f"{{version: 1, {source}}}", service))
    assert codes(found) == ["RC136"]


def test_an_endpoint_is_called_by_its_name_with_its_example(tmp_path: Path) -> None:
    found = loaded(tmp_path, project(tmp_path, "{version: 1, file: ../models/churn.onnx}"))
    assert str(service_of("OnlineEndpoint/churn", found)) == "churn"
    behind = service_of("OnlineDeployment/blue", found)
    assert (behind.target, behind.name, behind.endpoint) == ("azureml", "churn", "blue")
    assert declared_example("OnlineEndpoint/churn", found) == {"input_data": {}}
    assert declared_example("OnlineDeployment/blue", found) is None
