"""Where local model files will be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from retrainctl.diagnostics import Span
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, EmulatorSettings, Environment, Project, StorageSettings
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.operations.placing import Placed, place_files
from retrainctl.ports import Reading, Unavailable
from tests.support.build import SLOT, seen, service, version, wrote

CENSUS = Address("WebService", "census")
DATA = b"a model"
SHA256 = hashlib.sha256(DATA).hexdigest()
ACCT = "https://acct.blob.core.windows.net"
SERVED = f"{ACCT}/census-models/a/b.ilearner"


def environment(*accounts: str, **more) -> Environment:
    storage = {name: StorageSettings(account=name) for name in accounts}
    return Environment(name="prod", storage=storage, **more)


def file_version(number: int = 2, file: str = "models/new.ilearner", **more) -> ModelVersion:
    return version(number, uri=None, file=file, origin=Span("manifests/census.yaml", 5, 7), **more)


def placed(
    root: Path,
    wanted: ModelVersion,
    served: str | None = SERVED,
    where: Environment | None = None,
    *,
    reading: Reading | None = None,
    applied=None,
    more: tuple[ModelVersion, ...] = (),
) -> Placed:
    (root / "models").mkdir(exist_ok=True)
    (root / "models/new.ilearner").write_bytes(DATA)
    loaded = Loaded(
        project=Project(name="p", root=root, file=root / "retrainctl.yaml", manifests=()),
        environment=where or environment("acct"),
        desired=(service("census", wanted),),
        models={"census": ModelLine(name="census", versions=(version(1), *more, wanted))},
    )
    if reading is None:
        reading = Reading(observed={} if served is None else {CENSUS: seen("census", served)})
    return place_files(loaded, {"arm": reading}, applied or {})


def target(result: Placed) -> str | None:
    return result.desired[0].slots[SLOT].uri


def test_beside_what_the_slot_serves(tmp_path: Path):
    result = placed(tmp_path, file_version())
    chosen = result.desired[0].slots[SLOT]
    assert chosen.uri == f"{ACCT}/census-models/retrainctl/{SHA256}.ilearner"
    assert (chosen.sha256, chosen.file) == (SHA256, "models/new.ilearner")
    assert not result.findings


def test_once_it_is_served_it_stays_where_it_is_and_is_known_by_its_version(tmp_path: Path):
    first = target(placed(tmp_path, file_version()))
    again = placed(tmp_path, file_version(), first)
    assert target(again) == first
    assert [v.label for v in again.models["census"].versions if v.uri == first] == ["census@2"]


def test_a_former_file_is_known_when_a_newer_version_takes_its_place(tmp_path: Path):
    served = target(placed(tmp_path, file_version()))
    (tmp_path / "models/newer.ilearner").write_bytes(b"newer")
    result = placed(tmp_path, file_version(3, "models/newer.ilearner"), served, more=(file_version(),))
    assert target(result) != served
    assert [v.label for v in result.models["census"].versions if v.uri == served] == ["census@2"]


@pytest.mark.parametrize(
    ("served", "accounts", "more", "expected"),
    [
        (SERVED, (), {}, f"{ACCT}/census-models/"),
        (SERVED, ("acct", "other"), {}, f"{ACCT}/census-models/"),
        # What Studio itself stored is in an account of Microsoft's: the user's own one is the place.
        ("https://studio.blob.core.windows.net/uploads/x.ilearner", ("acct",), {}, f"{ACCT}/models/"),
        (None, ("acct",), {}, f"{ACCT}/models/"),
        ("https://acct.blob.core.windows.net/x.ilearner", ("acct",), {}, f"{ACCT}/models/"),
        (None, (), {"emulator": EmulatorSettings()}, "https://local.blob.core.windows.net/models/"),
        (SERVED, (), {"emulator": EmulatorSettings()}, f"{ACCT}/census-models/"),
        (
            None,
            ("acct",),
            {"arm": ArmSettings(subscription="s", resource_group="g", endpoint="https://management.chinacloudapi.cn")},
            "https://acct.blob.core.chinacloudapi.cn/models/",
        ),
    ],
)
def test_the_account_and_the_container(tmp_path: Path, served, accounts, more, expected):
    result = placed(tmp_path, file_version(), served, environment(*accounts, **more))
    assert target(result) == f"{expected}retrainctl/{SHA256}.ilearner"


def test_an_account_with_an_endpoint_of_its_own(tmp_path: Path):
    storage = {"acct": StorageSettings(account="acct", endpoint="https://blobs.corp.example/acct/")}
    where = Environment(name="prod", storage=storage)
    expected = f"https://blobs.corp.example/acct/models/retrainctl/{SHA256}.ilearner"
    assert target(placed(tmp_path, file_version(), None, where)) == expected
    assert target(placed(tmp_path, file_version(), expected, where)) == expected


@pytest.mark.parametrize(
    ("served", "accounts"),
    [(None, ()), (None, ("one", "two")), (SERVED, ("one", "two")), ("https://web.example/x.ilearner", ())],
)
def test_no_clear_place_is_an_error_with_the_fix(tmp_path: Path, served, accounts):
    result = placed(tmp_path, file_version(), served, environment(*accounts))
    (finding,) = result.findings
    assert finding.code == "RC650"
    assert finding.span == Span("manifests/census.yaml", 7, 12)
    assert "storage" in (finding.hint or "")
    assert target(result) is None


def test_what_cannot_be_read_back_is_taken_from_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from dataclasses import replace

    from retrainctl.model.kind import KINDS
    from retrainctl.operations import placing

    blind = replace(KINDS["WebService"], slots_readable=False)
    monkeypatch.setattr(placing, "KINDS", {"WebService": blind})
    ledger = {CENSUS: wrote("census", f"{ACCT}/written/x.ilearner")}
    result = placed(tmp_path, file_version(), "https://acct.blob.core.windows.net/read/x.ilearner", applied=ledger)
    assert target(result) == f"{ACCT}/written/retrainctl/{SHA256}.ilearner"
    never_written = placed(tmp_path, file_version(), "https://acct.blob.core.windows.net/read/x.ilearner")
    assert target(never_written) == f"{ACCT}/read/retrainctl/{SHA256}.ilearner"


def test_other_bytes_than_declared_are_an_error(tmp_path: Path):
    result = placed(tmp_path, file_version(sha256="0" * 64))
    (finding,) = result.findings
    assert (finding.code, finding.span) == ("RC148", Span("manifests/census.yaml", 5, 7))
    assert SHA256 in finding.message


def test_a_file_that_is_gone_is_an_error(tmp_path: Path):
    result = placed(tmp_path, file_version(file="models/gone.ilearner"))
    assert [finding.code for finding in result.findings] == ["RC143"]


def test_a_resource_that_was_not_read_has_no_place_yet(tmp_path: Path):
    for reading in (
        Reading(not_covered=frozenset({CENSUS})),
        Reading(failures={CENSUS: Unavailable("down")}),
    ):
        result = placed(tmp_path, file_version(), reading=reading, where=environment())
        assert (target(result), result.findings) == (None, ())


def test_a_project_without_files_is_left_alone(tmp_path: Path):
    result = placed(tmp_path, version(2))
    assert result.desired[0].slots[SLOT] == version(2)
    assert result.models["census"].versions == (version(1), version(2))
