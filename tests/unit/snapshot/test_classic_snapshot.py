"""Classic endpoints offline: the same plan as live, no secret in a file, and an honest word on what is not covered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.manifest.load import load
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, Environment
from retrainctl.model.resource import Applied, AppliedSlot
from retrainctl.operations.snapshots import pull
from retrainctl.ports import TargetSet
from retrainctl.targets.snapshot.classic import ClassicSnapshotReader
from retrainctl.targets.snapshot.folder import read_head
from retrainctl.targets.snapshot.registry import open_snapshot
from tests.support.classic_cases import NAME, SERVICE, SETTINGS, SLOT, WORKSPACE, Workspace, service, target, wish
from tests.support.classic_estate import make_project, make_snapshot
from tests.support.memory import Silent

ENVIRONMENT = Environment(name="local", classic=SETTINGS)
OTHER = "0f" * 16
FIRST = Address("Endpoint", "rentalloc0001")


def pulled(folder: Path, here: Workspace, applied: dict[Address, Applied] | None = None) -> tuple[Path, list[str]]:
    """`snapshot pull` of a project with two endpoints against a workspace in memory."""
    project = folder / "p"
    if not project.exists():
        make_project(project, 2)
    loaded = load(project / "retrainctl.yaml", "local", {}, {})
    classic, _ = target(here)
    targets = TargetSet(readers={"classic": classic}, planners={})
    changed = pull(
        folder / "s", loaded, targets, applied or {}, observer=Silent(), now=datetime(2026, 11, 20, tzinfo=UTC)
    )
    return folder / "s", [str(path) for path in changed]


def full() -> Workspace:
    here = Workspace(services=[service(), service(Id=OTHER, Name="Other")])
    for name in ("rentalloc0002", "rentalloc0001", "undeclared"):
        here.add(name)
    return here


def test_a_pull_writes_lists_as_the_service_answers_without_a_secret(tmp_path: Path) -> None:
    root, changed = pulled(tmp_path, full())
    assert changed[:2] == [
        f"classic/{WORKSPACE}/webservices.json",
        f"classic/{WORKSPACE}/{SERVICE}/endpoints.json",
    ]
    text = "".join(path.read_text() for path in root.rglob("*.json"))
    assert "CANARY" not in text
    listed = json.loads((root / changed[1]).read_text())
    assert [one["Name"] for one in listed] == ["default", "rentalloc0001", "rentalloc0002", "undeclared"]
    assert listed[1]["Resources"][0]["Location"]["RelativeLocation"] == "models/bike-rental/default.ilearner"


def test_a_second_pull_changes_nothing(tmp_path: Path) -> None:
    here = full()
    pulled(tmp_path, here)
    assert pulled(tmp_path, here)[1] == ["snapshot.json"]


def test_offline_reads_as_live_does(tmp_path: Path) -> None:
    here = full()
    slot = AppliedSlot(uri="https://a.blob.core.windows.net/c/m.ilearner", model="m", version=1)
    known = Applied(address=FIRST, slots={SLOT: slot}, revision="r", created=True)
    root, _ = pulled(tmp_path, here, {FIRST: known})
    opened = open_snapshot(root, ENVIRONMENT)
    wanted = [wish("rentalloc0001"), wish("rentalloc0002"), wish("rentalloc0003"), wish("undeclared")]
    offline = opened.readers["classic"].read(wanted)
    live = target(here)[0].read(wanted)
    assert offline.observed == live.observed
    assert offline.identities == live.identities
    assert offline.not_covered == frozenset()
    assert offline.facts["services"] == {SERVICE: {**live.facts["services"][SERVICE], "endpoints": _sorted(live)}}
    assert opened.applied == {FIRST: known}
    again = opened.readers["classic"].reread(FIRST, live.identities[Address("Endpoint", "rentalloc0001")])
    assert again is not None
    assert again.fingerprint == live.observed[Address("Endpoint", "rentalloc0001")].fingerprint


def _sorted(reading):
    return sorted(reading.facts["services"][SERVICE]["endpoints"], key=lambda one: one["Name"])


def test_a_service_that_was_not_taken_is_not_covered(tmp_path: Path) -> None:
    root, _ = pulled(tmp_path, full())
    reading = open_snapshot(root, ENVIRONMENT).readers["classic"].read([wish("a"), wish("b", web_service=OTHER)])
    assert reading.not_covered == {Address("Endpoint", "b")}
    assert Address("Endpoint", "a") in reading.identities


def test_names_that_fail_live_fail_offline(tmp_path: Path) -> None:
    root = make_snapshot(tmp_path / "p", 1)
    reader = ClassicSnapshotReader(root, SETTINGS, head=read_head(root, "s"), shown="s")
    (failure,) = reader.read([wish(web_service="Nothing")]).failures.values()
    assert failure.code == "RC361"


def test_a_file_that_somebody_saved_with_its_keys_is_read_without_them(tmp_path: Path) -> None:
    root = make_snapshot(tmp_path / "p", 2)
    assert "CANARY" in (root / "classic" / WORKSPACE / SERVICE / "endpoints.json").read_text()
    reading = open_snapshot(root, ENVIRONMENT).readers["classic"].read([wish("rentalloc0001")])
    assert "CANARY" not in repr(reading) + json.dumps(reading.facts)


def test_a_folder_without_the_workspace_covers_nothing_of_it(tmp_path: Path) -> None:
    root = make_snapshot(tmp_path / "p", 1)
    (root / "classic" / WORKSPACE / "webservices.json").unlink()
    wanted = [wish("rentalloc0001")]
    reading = open_snapshot(root, ENVIRONMENT).readers["classic"].read(wanted)
    assert reading.not_covered == {wanted[0].address}
    only_arm = Environment(name="local", arm=ArmSettings(subscription="s", resource_group="rg"))
    assert open_snapshot(root, only_arm).readers["classic"].read(wanted).not_covered == {wanted[0].address}


def test_a_snapshot_of_another_workspace_is_refused(tmp_path: Path) -> None:
    root = make_snapshot(tmp_path / "p", 1)
    head = json.loads((root / "snapshot.json").read_text())
    head["targets"]["classic"]["scope"] = "/workspaces/other"
    (root / "snapshot.json").write_text(json.dumps(head))
    with pytest.raises(InvalidInput) as caught:
        open_snapshot(root, ENVIRONMENT)
    assert caught.value.diagnostics[0].code == "RC225"


@pytest.mark.parametrize("text", ["[1]", "{}", '[{"Name": "x"', "", "null"])
def test_a_broken_file_says_where(tmp_path: Path, text: str) -> None:
    root = make_snapshot(tmp_path / "p", 1)
    (root / "classic" / WORKSPACE / SERVICE / "endpoints.json").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        open_snapshot(root, ENVIRONMENT, shown="snap").readers["classic"].read(
            [wish("rentalloc0001", web_service=NAME)]
        )
    (finding,) = caught.value.diagnostics
    assert finding.span is not None
    assert finding.span.file == f"snap/classic/{WORKSPACE}/{SERVICE}/endpoints.json"
