"""The Studio API: uploads, datasets, trained models, transforms, modules."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrainctl.emulator.studio.catalogue import module_name
from tests.support.emulator_process import Emulator, running
from tests.support.studio_assets import (
    DRAFT,
    EXPERIMENT,
    WORKSPACE,
    ask,
    detail,
    promotion,
    register,
    upload,
    with_outputs,
)


@pytest.fixture
def studio(emulator: Emulator) -> Emulator:
    """As new; what is made by and by is there at once."""
    emulator.faults(studio_schema_seconds=0, studio_module_seconds=0)
    return emulator


def block(emulator: Emulator, upload_id: str, number: int, of: int, content: Any, kind: str = "GenericCSV") -> Any:
    query = f"numberOfBlocks={of}&blockId={number}&uploadId={upload_id}&dataTypeId={kind}"
    return ask(emulator, "POST", f"/api/blobuploads/workspaces/{WORKSPACE}/?{query}", content=content)


def dataset(emulator: Emulator, content: bytes = b"a,b\n1,2\n", **members: Any) -> dict[str, Any]:
    kind = members.get("DataTypeId", "GenericCSV")
    response = register(emulator, upload(emulator, content, kind)["Id"], **members)
    assert response.status_code == 200, response.text
    return dict(ask(emulator, "GET", f"/datasources/{response.json()}").json())


def download(emulator: Emulator, endpoint: dict[str, Any]) -> httpx.Response:
    address = endpoint["BaseUri"] + endpoint["Location"] + endpoint["AccessCredential"]
    return httpx.get(
        address.replace("https://mlstudiostorage.blob.core.windows.net", f"{emulator.url}/mlstudiostorage")
    )


# Uploads and datasets


def test_a_file_in_one_request_becomes_a_dataset_that_can_be_downloaded(studio: Emulator) -> None:
    told = upload(studio, b"a,b\n1,2\n")
    assert list(told) == ["Id", "DataTypeId", "ContentType", "Committed", "WorkspaceId", "SharedAccessUri"]
    assert (told["DataTypeId"], told["Committed"], told["WorkspaceId"]) == ("GenericCSV", True, WORKSPACE)
    assert httpx.get(told["SharedAccessUri"]).content == b"a,b\n1,2\n"
    answer = register(studio, told["Id"], name='Fahrräder "2016" \\ neu')
    identifier = answer.json()
    assert answer.text == f'"{identifier}"'
    assert identifier.split(".")[0] == WORKSPACE and identifier.split(".")[2] == "v1-default-1"
    found = ask(studio, "GET", f"/datasources/{identifier}").json()
    assert (found["Id"], found["Name"]) == (identifier, 'Fahrräder "2016" \\ neu')
    assert (found["ResourceUploadId"], found["Size"], found["SchemaStatus"]) == (told["Id"], 8, "Complete")
    assert (found["Owner"], found["UploadedFromFilename"]) == ("PowerShell", "rides.csv")
    assert found["FamilyId"] == identifier.split(".")[1]
    assert download(studio, found["DownloadLocation"]).content == b"a,b\n1,2\n"
    (listed,) = ask(studio, "GET", "/datasources").json()
    assert download(studio, listed["DownloadLocation"]).content == b"a,b\n1,2\n"


def test_blocks_come_in_any_order_and_may_be_repeated(studio: Emulator) -> None:
    begun = upload(studio, b"")
    assert (begun["Committed"], begun["SharedAccessUri"]) == (False, None)
    assert block(studio, begun["Id"], 1, 3, b"\n1,").json()["Committed"] is False
    assert block(studio, begun["Id"], 2, 3, b"wrong").json()["Committed"] is False
    assert block(studio, begun["Id"], 2, 3, b"2\n").json()["Committed"] is False
    assert detail(register(studio, begun["Id"])) == "BadParameterValue"
    assert block(studio, begun["Id"], 0, 3, b"a,b").json()["Committed"] is True
    assert block(studio, begun["Id"], 0, 3, b"lost answer, sent again").json()["Committed"] is True
    found = ask(studio, "GET", f"/datasources/{register(studio, begun['Id']).json()}").json()
    assert download(studio, found["DownloadLocation"]).content == b"a,b\n1,2\n"


def test_a_block_that_is_late_does_not_undo_a_complete_upload(studio: Emulator) -> None:
    begun = upload(studio, b"")["Id"]

    def slowly() -> Iterator[bytes]:
        yield b"wr"
        assert block(studio, begun, 0, 1, b"a\n1\n").json()["Committed"] is True
        yield b"ong"

    assert block(studio, begun, 0, 1, slowly()).json()["Committed"] is True
    assert detail(block(studio, begun, 0, 2, b"x")) == "BadParameterValue"
    found = ask(studio, "GET", f"/datasources/{register(studio, begun).json()}").json()
    assert download(studio, found["DownloadLocation"]).content == b"a\n1\n"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("numberOfBlocks=2&blockId=2", "BadParameterValue"),
        ("numberOfBlocks=0&blockId=0", "BadParameterValue"),
        ("numberOfBlocks=2", "BadParameterValue"),
        ("numberOfBlocks=2&blockId=-1", "BadParameterValue"),
    ],
)
def test_blocks_that_cannot_be_are_refused(studio: Emulator, query: str, code: str) -> None:
    path = f"/api/blobuploads/workspaces/{WORKSPACE}/?{query}&uploadId={upload(studio, b'')['Id']}&dataTypeId=Zip"
    refused = ask(studio, "POST", path, content=b"x")
    assert (refused.status_code, detail(refused)) == (400, code)


def test_unknown_uploads_and_formats_are_refused(studio: Emulator) -> None:
    path = f"/api/resourceuploads/workspaces/{WORKSPACE}/?userStorage=true&dataTypeId=Parquet"
    assert detail(ask(studio, "POST", path, content=b"x")) == "DataTypeNotSupported"
    assert detail(block(studio, "0" * 32, 0, 1, b"x")) == "BadParameterValue"
    assert detail(register(studio, "0" * 32)) == "BadParameterValue"
    assert ask(studio, "GET", "/datasources/nothing").status_code == 404
    bare = studio.bare.post(f"/api/resourceuploads/workspaces/{WORKSPACE}/?dataTypeId=Zip", content=b"x")
    assert bare.status_code == 401


def test_a_schema_is_made_as_time_goes_by(emulator: Emulator) -> None:
    emulator.faults(studio_schema_seconds=30)
    emulator.control("PUT", "clock", {"now": "2016-05-05T12:00:00Z"})
    found = dataset(emulator)
    assert (found["SchemaStatus"], found["CreatedDate"]) == ("Pending", "/Date(1462449600000)/")
    assert found["CreatedDateTicks"] == 635980464000000000
    emulator.control("PUT", "clock", {"advance": 31})
    assert ask(emulator, "GET", f"/datasources/{found['Id']}").json()["SchemaStatus"] == "Complete"
    emulator.control("PUT", "clock", {"now": None})


def test_realistic_time_makes_schemas_and_modules_wait(studio: Emulator) -> None:
    studio.faults(realistic="on")
    studio.control("PUT", "clock", {"now": "2016-05-05T12:00:00Z"})
    identifier, activity = dataset(studio)["Id"], build(studio, zipped(FILES))
    seen = []
    for _ in range(3):
        status, _ = ask(studio, "GET", f"/modules/custom?activityGroupId={activity}").json()
        seen.append((ask(studio, "GET", f"/datasources/{identifier}").json()["SchemaStatus"], status))
        studio.control("PUT", "clock", {"advance": 6})
    assert seen == [("Pending", "Pending"), ("Complete", "Pending"), ("Complete", "Finished")]
    studio.control("PUT", "clock", {"now": None})


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("GenericCSVNoHeader", b"1,2\n3,4", "Complete"),
        ("GenericTSV", b"a\tb\n1\t2\n", "Complete"),
        ("GenericCSV", b"a,b\n1,2,3\n", "Failed"),
        ("GenericCSV", b"a,b\n1,\xff\n", "Failed"),
        ("ARFF", b"@relation r\n@attribute a numeric\n@data\n1\n", "Complete"),
        ("ARFF", b"a,b\n1,2\n", "Failed"),
        ("Zip", b"PK", "NotSupported"),
        ("PlainText", b"a,b\n1,2,3\n", "NotSupported"),
    ],
)
def test_how_a_schema_ends(studio: Emulator, kind: str, content: bytes, status: str) -> None:
    assert dataset(studio, content, DataTypeId=kind)["SchemaStatus"] == status


def test_a_family_gets_versions_and_goes_as_a_whole(studio: Emulator) -> None:
    first = dataset(studio, b"a\n1\n")
    second = dataset(studio, b"a\n2\n", FamilyId=first["FamilyId"])
    assert second["FamilyId"] == first["FamilyId"] and second["Id"] != first["Id"]
    assert [one["Id"] for one in ask(studio, "GET", "/datasources").json()] == [second["Id"]]
    older = ask(studio, "GET", f"/datasources/{first['Id']}").json()
    assert (older["IsLatest"], second["IsLatest"]) == (False, True)
    assert download(studio, older["DownloadLocation"]).content == b"a\n1\n"
    assert ask(studio, "DELETE", f"/datasources/family/{first['FamilyId']}").status_code == 200
    assert ask(studio, "GET", "/datasources").json() == []
    assert ask(studio, "GET", f"/datasources/{first['Id']}").status_code == 404
    assert download(studio, second["DownloadLocation"]).status_code == 404
    assert ask(studio, "DELETE", f"/datasources/family/{first['FamilyId']}").status_code == 404


def test_a_name_that_another_family_has_is_a_conflict(studio: Emulator) -> None:
    first = dataset(studio)
    again = upload(studio, b"a\n2\n")["Id"]
    refused = register(studio, again, name="RIDES")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    assert register(studio, again, FamilyId=None).status_code == 409
    assert detail(register(studio, again, name="other", FamilyId="f" * 32)) == "BadParameterValue"
    assert register(studio, again, FamilyId=first["FamilyId"].upper()).status_code == 200


def test_the_link_of_a_download_is_for_that_file_only_and_ends(studio: Emulator) -> None:
    one, other = dataset(studio, b"a\n1\n"), dataset(studio, b"a\n2\n", name="other")
    mixed = {**one["DownloadLocation"], "Location": other["DownloadLocation"]["Location"]}
    assert download(studio, mixed).status_code == 403
    assert download(studio, {**mixed, "AccessCredential": ""}).status_code in (403, 404)
    studio.control("PUT", "clock", {"advance": 2 * 24 * 3600})
    assert download(studio, one["DownloadLocation"]).status_code == 403
    fresh = ask(studio, "GET", f"/datasources/{one['Id']}").json()["DownloadLocation"]
    assert download(studio, fresh).content == b"a\n1\n"
    studio.control("PUT", "clock", {"now": None})


# Trained models, transforms, promoted datasets


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator with one experiment that has run: its nodes put out a table, a model and a transform."""
    with running(with_outputs(tmp_path_factory.mktemp("studio") / "state")) as emulator:
        yield emulator


PROMOTIONS = [
    ("trainedmodels", "TrainedModel", "iLearnerDotNet", "n2", "trained MODEL"),
    ("transformmodules", "Transform", "iTransformDotNet", "n3", "Transformation function"),
    ("datasources", "DataSource", "Dataset", "n1", "results dataset"),
]


@pytest.mark.parametrize(("path", "member", "kind", "node", "port"), PROMOTIONS)
def test_an_output_is_promoted_and_gets_versions(
    ran: Emulator, path: str, member: str, kind: str, node: str, port: str
) -> None:
    name = f'{member} "ä" \\'
    identifier = ask(ran, "POST", f"/{path}", json=promotion(member, kind, node, port, name)).json()
    (found,) = [one for one in ask(ran, "GET", f"/{path}").json() if one["Name"] == name]
    assert (found["Id"], found["SourceOrigin"]) == (identifier, "FromOutputPromotion")
    assert found["PromotedFrom"].casefold() == f"{EXPERIMENT}.{node}.{port}".casefold()
    assert (found["ExperimentId"], found["IsLatest"], found["Description"]) == (EXPERIMENT, True, "d")
    assert found["DataTypeId"].casefold() == kind.casefold() and found["Size"] > 0
    refused = ask(ran, "POST", f"/{path}", json=promotion(member, kind, node, port, name))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    wish = promotion(member, kind, node, port, name, family=found["FamilyId"])
    again = ask(ran, "POST", f"/{path}", json=wish).json()
    (newest,) = [one for one in ask(ran, "GET", f"/{path}").json() if one["Name"] == name]
    assert (newest["Id"], newest["FamilyId"]) == (again, found["FamilyId"])
    assert newest["Batch"] > found["Batch"]


def test_a_promoted_dataset_has_the_bytes_of_the_output(ran: Emulator) -> None:
    wish = promotion("DataSource", "Dataset", "n1", "Results dataset", "bytes")
    found = ask(ran, "GET", f"/datasources/{ask(ran, 'POST', '/datasources', json=wish).json()}").json()
    assert (found["SchemaStatus"], found["DataTypeId"]) == ("Complete", "Dataset")
    assert download(ran, found["DownloadLocation"]).content == b"a\n1\n"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"of": EXPERIMENT[:-1] + "0"}, 404, "ResourceNotFound"),
        ({"of": DRAFT}, 400, None),
        ({"node": "n9"}, 400, "BadParameterValue"),
        ({"port": "Learner"}, 400, "BadParameterValue"),
        ({"node": "n1", "port": "Results dataset"}, 400, "DataTypeNotSupported"),
        ({"kind": "Dataset"}, 400, "DataTypeNotSupported"),
        ({"family": "f" * 32}, 400, "BadParameterValue"),
        ({"name": " "}, 400, "BadParameterValue"),
        ({"member": "Transform"}, 400, "RequestBodyInvalid"),
    ],
)
def test_what_cannot_be_promoted_is_refused(
    ran: Emulator, change: dict[str, Any], status: int, code: str | None
) -> None:
    told = {"member": "TrainedModel", "kind": "iLearnerDotNet", "node": "n2", "port": "Trained model", "name": "no"}
    refused = ask(ran, "POST", "/trainedmodels", json=promotion(**(told | change)))
    assert refused.status_code == status
    assert code is None or detail(refused) == code
    assert "no" not in [one["Name"] for one in ask(ran, "GET", "/trainedmodels").json()]


def test_a_draft_gives_its_outputs_where_that_is_allowed(ran: Emulator) -> None:
    ran.faults(studio_promote_unfinished="accept")
    wish = promotion("TrainedModel", "iLearnerDotNet", "n2", "Trained model", "of a draft", of=DRAFT)
    assert ask(ran, "POST", "/trainedmodels", json=wish).status_code == 200
    ran.faults(studio_promote_unfinished="reject")


# Modules

DEFINITION = """<!-- Microsoft's example, shortened -->
<Module name="Custom Add Rows" isDeterministic="false">
  <Owner>Contoso</Owner>
  <Description>Appends one dataset to another.</Description>
  <Language name="R" sourceFile="CustomAddRows.R" entryPoint="CustomAddRows" />
  <Ports>
    <Input id="dataset1" name="Dataset 1" type="DataTable"/>
    <Input id="dataset2" name="Dataset 2" type="DataTable"/>
    <Output id="dataset" name="Dataset" type="DataTable"/>
  </Ports>
  <Arguments><Arg id="swap" name="Swap" type="bool"/></Arguments>
</Module>"""
FILES = {"add.xml": DEFINITION, "CustomAddRows.R": "CustomAddRows <- function(a, b, swap) rbind(a, b)"}


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def build(emulator: Emulator, content: bytes) -> str:
    """The activity of a build, asked for as azuremlps does it: begun empty, one block, its metadata sent back."""
    begun = upload(emulator, b"", "Zip")
    metadata = block(emulator, begun["Id"], 0, 1, content, "Zip").json()
    answer = ask(emulator, "POST", "/modules/custom", json=metadata)
    assert answer.status_code == 200, answer.text
    return str(answer.json())


def built(emulator: Emulator, content: bytes) -> Any:
    return ask(emulator, "GET", f"/modules/custom?activityGroupId={build(emulator, content)}").json()


def test_microsofts_modules_are_there(studio: Emulator) -> None:
    modules = {one["Name"]: one for one in ask(studio, "GET", "/modules").json()}
    score = modules["Score Model"]
    assert score["Id"].startswith("506153734175476c4f62416c57734963.401b4f92e7244d5abe81d5b0ff9bdb33.v1-default-")
    assert all(one["ReleaseState"] != "Custom" and len(one["FamilyId"]) == 32 for one in modules.values())
    assert module_name(score["Id"].replace("1751", "1730")) == "Score Model"
    assert module_name(score["Id"].replace("506", "000")) is None


def test_a_custom_module_is_built_and_gets_versions(studio: Emulator) -> None:
    status, identifier = built(studio, zipped(FILES))
    assert status == "Finished"
    own = [one for one in ask(studio, "GET", "/modules").json() if one["ReleaseState"] == "Custom"]
    assert [one["Id"] for one in own] == [identifier]
    assert (own[0]["Name"], own[0]["Owner"], own[0]["IsDeterministic"]) == ("Custom Add Rows", "Contoso", False)
    _, newer = built(studio, zipped(FILES))
    (latest,) = [one for one in ask(studio, "GET", "/modules").json() if one["ReleaseState"] == "Custom"]
    assert latest["Id"] == newer != identifier
    assert latest["FamilyId"] == own[0]["FamilyId"]


def test_a_module_is_built_as_time_goes_by(emulator: Emulator) -> None:
    emulator.faults(studio_module_seconds=60)
    emulator.control("PUT", "clock", {"now": "2016-05-05T12:00:00Z"})
    activity = build(emulator, zipped(FILES))
    assert ask(emulator, "GET", f"/modules/custom?activityGroupId={activity}").json() == ["Pending", None]
    assert all(one["ReleaseState"] != "Custom" for one in ask(emulator, "GET", "/modules").json())
    emulator.control("PUT", "clock", {"advance": 61})
    assert "Custom Add Rows" in [one["Name"] for one in ask(emulator, "GET", "/modules").json()]
    assert ask(emulator, "GET", f"/modules/custom?activityGroupId={activity}").json()[0] == "Finished"
    emulator.control("PUT", "clock", {"now": None})


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"no zip", "0102"),
        (zipped({"readme.txt": "x", "sub/add.xml": DEFINITION}), "0103"),
        (zipped({"add.xml": DEFINITION}), "0104"),
        (zipped({**FILES, "add.xml": DEFINITION[:-9]}), "0112"),
        (zipped({**FILES, "add.xml": '<!DOCTYPE x [<!ENTITY e "e">]><Module name="x"/>'}), "0112"),
        (zipped({**FILES, "add.xml": DEFINITION.replace('name="R"', 'name="Python"')}), "0100"),
        (zipped({**FILES, "add.xml": DEFINITION.replace("dataset2", "dataset1")}), "0101"),
        (zipped({**FILES, "add.xml": "<Module name='x'/>"}), "0113"),
    ],
)
def test_a_zip_with_a_mistake_fails_with_microsofts_number(studio: Emulator, content: bytes, number: str) -> None:
    status, error = built(studio, content)
    assert status == "Failed"
    assert error.startswith(f"Error {number}: ")
    assert all(one["ReleaseState"] != "Custom" for one in ask(studio, "GET", "/modules").json())


def test_what_is_no_complete_zip_is_not_built(studio: Emulator) -> None:
    unfinished = ask(studio, "POST", "/modules/custom", json=upload(studio, b"", "Zip"))
    assert (unfinished.status_code, detail(unfinished)) == (400, "BadParameterValue")
    table = ask(studio, "POST", "/modules/custom", json=upload(studio, b"a\n1\n"))
    assert (table.status_code, detail(table)) == (400, "DataTypeNotSupported")
    assert ask(studio, "GET", "/modules/custom?activityGroupId=0").status_code == 404


# Seeds


def test_assets_come_from_a_seed_once(studio: Emulator, tmp_path: Path) -> None:
    (tmp_path / "rides.csv").write_bytes(b"a\n1\n")
    (tmp_path / "ride.ilearner").write_bytes(b"model")
    (tmp_path / "add.zip").write_bytes(zipped(FILES))
    seed = {
        "datasets": [{"name": "rides", "file": "rides.csv"}, {"name": "sample", "file": "rides.csv", "sample": True}],
        "trainedModels": [{"name": "ride [trained model]", "file": "ride.ilearner", "description": "d"}],
        "transforms": [{"name": "scale", "file": "ride.ilearner"}],
        "modules": [{"file": "add.zip"}],
    }
    (tmp_path / "seed.yaml").write_text(json.dumps(seed))
    studio.seed(tmp_path)
    studio.seed(tmp_path)
    sample, rides = ask(studio, "GET", "/datasources").json()
    assert download(studio, rides["DownloadLocation"]).content == b"a\n1\n"
    assert sample["Id"].startswith("506153734175476c4f62416c57734963.")
    assert ask(studio, "DELETE", f"/datasources/family/{sample['FamilyId']}").status_code == 404
    (model,) = ask(studio, "GET", "/trainedmodels").json()
    assert (model["Name"], model["Size"], model["Description"]) == ("ride [trained model]", 5, "d")
    assert [one["Name"] for one in ask(studio, "GET", "/transformmodules").json()] == ["scale"]
    own = [one["Name"] for one in ask(studio, "GET", "/modules").json() if one["ReleaseState"] == "Custom"]
    assert own == ["Custom Add Rows"]


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ({"datasets": [{"name": "x"}]}, "either a file or a recorded"),
        ({"datasets": [{"name": "x", "file": "x.parquet"}]}, ".parquet is no format of datasets"),
        ({"datasets": [{"name": "x", "file": "x.csv", "format": "CSV"}]}, "CSV is no format of datasets"),
        ({"trainedModels": [{"file": "x.csv"}]}, "the member name is missing"),
        ({"trainedModels": [{"recorded": "x.csv"}]}, "x.csv is no recorded list"),
        ({"trainedModels": [{"recorded": "{}.json"}]}, "{}.json is no recorded list"),
        ({"transforms": [{"name": "x", "file": "y"}]}, "there is no file y"),
        ({"modules": [{"file": "x.csv"}]}, "Error 0102"),
    ],
)
def test_a_seed_with_a_mistake_is_refused_whole(
    studio: Emulator, tmp_path: Path, seed: dict[str, Any], message: str
) -> None:
    for name in ("x.csv", "x.parquet"):
        (tmp_path / name).write_bytes(b"a\n1\n")
    (tmp_path / "{}.json").write_text('[{"Id": "x"}]')
    (tmp_path / "seed.yaml").write_text(json.dumps({"datasets": [{"name": "good", "file": "x.csv"}], **seed}))
    headers = {"x-emulator-token": studio.ready["control"]}
    refused = studio.bare.post("/_emulator/seed", json={"paths": [str(tmp_path)]}, headers=headers)
    assert refused.status_code == 400
    assert message in refused.text
    assert ask(studio, "GET", "/datasources").json() == []
