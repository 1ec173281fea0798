"""Declared versions: found by name, verified, downloaded."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.model_checks import Checked, Verifier, report
from retrainctl.operations.model_download import download, file_name
from retrainctl.operations.models import chosen, description, find_version, listing
from retrainctl.ports import AuthFailed, SecretUnavailable, Unavailable
from tests.support.blobs import MemoryBlobs
from tests.support.build import version
from tests.support.memory import Silent
from tests.support.project_files import loaded

BLOB = "https://acct.blob.core.windows.net/models/census/1.ilearner"
DATA = b"the model" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
NOW = datetime(2026, 11, 20, tzinfo=UTC)

MANIFEST = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: census}
spec:
  versions:
    - {version: 1, uri: "https://acct.blob.core.windows.net/models/census/1.ilearner", metrics: {AUC: 0.9}}
    - {version: 2, file: new.ilearner, trainedAt: 2026-11-02T08:00:00Z, run: job-7}
---
apiVersion: retrainctl/v1
kind: Model
metadata: {name: idle}
spec: {versions: [{version: 3, uri: "https://acct.blob.core.windows.net/models/idle.ilearner"}]}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: census}
spec: {models: {"Census [trained model]": census@2}}
"""


@pytest.fixture
def project(tmp_path: Path):
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/new.ilearner").write_bytes(DATA)
    return loaded(tmp_path, {"manifests/all.yaml": MANIFEST})


def test_a_version_is_found_by_its_label(project):
    assert find_version(project, "census@2").run == "job-7"
    assert [v.label for v in chosen(project, [])] == ["census@1", "census@2", "idle@3"]
    assert [v.label for v in chosen(project, ["idle", "census@2", "idle@3"])] == ["idle@3", "census@2"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [("cens@1", 'Did you mean "census"'), ("census@9", "@1, @2"), ("census", "MODEL@VERSION"), ("census@0", "MODEL@V")],
)
def test_one_that_is_not_there_names_those_that_are(project, reference: str, words: str):
    with pytest.raises(RetrainctlError) as missing:
        find_version(project, reference)
    assert missing.value.code == "RC651"
    assert words in (missing.value.hint or "")


def test_the_list_tells_who_uses_what(project):
    census, idle = listing(project)["models"]
    assert (census["name"], census["versions"], census["latest"]) == ("census", 2, 2)
    assert census["used_by"] == [{"address": "WebService/census", "slot": "Census [trained model]", "version": 2}]
    assert (idle["name"], idle["used_by"]) == ("idle", [])


def test_a_description_is_json_and_knows_the_local_file(project):
    document = json.loads(json.dumps(description(project, "census")))
    first, second = document["versions"]
    assert (first["uri"], first["metrics"], first["used_by"]) == (BLOB, {"AUC": 0.9}, [])
    assert (second["file"], second["size"], second["sha256"]) == ("manifests/new.ilearner", len(DATA), SHA256)
    assert second["origin"].startswith("manifests/all.yaml:7:")
    assert [v["label"] for v in description(project, "census@1")["versions"]] == ["census@1"]


def verify(store: MemoryBlobs, *versions: ModelVersion, root: Path = Path()) -> tuple[Checked, ...]:
    return Verifier(store=store, root=root, now=NOW, observer=Silent(), parallel=4)(versions)


def codes(checked: Checked) -> list[str]:
    return [finding.code for finding in checked.findings]


def test_a_version_as_recorded_has_no_findings():
    store = MemoryBlobs({BLOB: DATA}, ends={BLOB: NOW + timedelta(days=90)})
    (one,) = verify(store, version(1, uri=BLOB, sha256=SHA256))
    assert (codes(one), one.size, one.sha256) == ([], len(DATA), SHA256)
    assert one.document()["expires"] == "2027-02-18T00:00:00Z"


def test_every_finding_has_a_code_and_a_place():
    other, empty = BLOB + "x", BLOB + "y"
    store = MemoryBlobs({other: DATA, empty: b""}, ends={other: NOW + timedelta(days=1), empty: NOW})
    found = verify(
        store,
        version(1, uri=BLOB),
        version(2, uri=other, sha256="0" * 64),
        version(3, uri=other, etag='"old"'),
        version(4, uri=empty),
        version(5, uri=None, file="gone.ilearner"),
    )
    assert [codes(one) for one in found] == [
        ["RC653"],
        ["RC665", "RC659"],
        ["RC665", "RC660"],
        ["RC667", "RC655"],
        ["RC143"],
    ]
    document = report("prod", found)
    assert document["findings"] == 8
    assert [one["ok"] for one in document["versions"]] == [False] * 5
    json.dumps(document)


def test_a_local_file_is_compared_with_its_declared_hash(tmp_path: Path):
    (tmp_path / "x.ilearner").write_bytes(DATA)
    right = version(1, uri=None, file="x.ilearner", sha256=SHA256)
    wrong = version(2, uri=None, file="x.ilearner", sha256="0" * 64)
    assert [codes(one) for one in verify(MemoryBlobs(), right, wrong, root=tmp_path)] == [[], ["RC148"]]


def test_what_a_store_says_is_a_finding_of_its_version_only():
    two, three = (BLOB.replace("acct", account) for account in ("two", "three"))
    store = MemoryBlobs(
        {BLOB: DATA},
        fail={
            two: AuthFailed("no access", code="RC654"),
            three: SecretUnavailable("the variable STORAGE_KEY is not set", hint="Set it."),
        },
    )
    found = verify(store, version(1, uri=BLOB), version(2, uri=two), version(3, uri=three))
    assert [codes(one) for one in found] == [[], ["RC654"], ["RC307"]]


def test_an_account_that_is_gone_is_asked_once():
    gone = Unavailable("there is no connection", code="RC656", sent=False)
    uris = [f"{BLOB}{number}" for number in range(20)]
    store = MemoryBlobs(fail=dict.fromkeys(uris, gone))
    found = Verifier(store=store, root=Path(), now=NOW, observer=Silent(), parallel=1)(
        [version(number + 1, uri=uri) for number, uri in enumerate(uris)]
    )
    assert {tuple(codes(one)) for one in found} == {("RC656",)}
    assert store.calls["facts"] == 1


def test_a_download_is_whole_and_checked(tmp_path: Path):
    out = tmp_path / "census.ilearner"
    got = download(version(1, uri=BLOB, sha256=SHA256), MemoryBlobs({BLOB: DATA}), tmp_path, out, replace=False)
    assert (out.read_bytes(), got.size, got.checked) == (DATA, len(DATA), True)
    with pytest.raises(RetrainctlError) as there:
        download(version(1, uri=BLOB), MemoryBlobs({BLOB: DATA}), tmp_path, out, replace=False)
    assert there.value.code == "RC004"
    got = download(version(1, uri=BLOB), MemoryBlobs({BLOB: b"newer"}), tmp_path, out, replace=True)
    assert (out.read_bytes(), got.checked) == (b"newer", False)


def test_nothing_is_written_of_a_wrong_missing_or_broken_blob(tmp_path: Path):
    class Cut(MemoryBlobs):
        def read(self, uri, *, etag=None):
            yield next(iter(super().read(uri, etag=etag)))

    out = tmp_path / "census.ilearner"
    cases = [
        (MemoryBlobs({BLOB: DATA}), version(1, uri=BLOB, sha256="0" * 64), "RC659"),
        (MemoryBlobs(), version(1, uri=BLOB), "RC653"),
        (Cut({BLOB: DATA}), version(1, uri=BLOB), "RC657"),
        (MemoryBlobs(), version(1, uri=None, file="gone.ilearner"), "RC143"),
    ]
    for store, wanted, code in cases:
        with pytest.raises(RetrainctlError) as refused:
            download(wanted, store, tmp_path, out, replace=False)
        assert refused.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_not_a_traceback(tmp_path: Path):
    with pytest.raises(RetrainctlError) as refused:
        download(version(1, uri=BLOB), MemoryBlobs({BLOB: DATA}), tmp_path, tmp_path / "no/x", replace=False)
    assert refused.value.code == "RC007"


def test_a_local_version_is_copied(tmp_path: Path):
    (tmp_path / "x.ilearner").write_bytes(DATA)
    local = version(1, uri=None, file="x.ilearner", sha256=SHA256)
    download(local, MemoryBlobs(), tmp_path, tmp_path / "copy", replace=False)
    assert (tmp_path / "copy").read_bytes() == DATA


def test_the_usual_name_is_fit_for_a_file():
    assert file_name(version(7, model="../Bike Rental/1")) == "bike-rental-1-7.ilearner"
