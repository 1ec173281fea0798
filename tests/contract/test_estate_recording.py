"""The recorded estate of 1,135 real services becomes manifests from its list answer alone."""

from __future__ import annotations

from pathlib import Path

from retrainctl.manifest.load import load
from retrainctl.operations.adopting import project_files, write_files
from retrainctl.operations.listing import from_lists


def test_every_recorded_service_is_declared_or_reported(shared: Path, tmp_path: Path) -> None:
    """arm-webservices.md section 15: 1,135 items in 76 groups, 40 failed stubs, one Provisioning for months."""
    listed = from_lists([shared / "arm/recordings/TestListWebServices.json"])
    assert len(listed.found) + len(listed.left_out) == 1_135
    failed = [line for line in listed.left_out if "provisioningState is Failed" in line]
    assert len(failed) == 40
    (stale,) = set(listed.left_out) - set(failed)
    assert "Provisioning" in stale
    assert len(listed.groups) == 76

    settings = {"arm": {"subscription": listed.subscriptions[0], "resourceGroup": listed.groups[0]}}
    write_files(tmp_path, project_files("estate", {"prod": settings}, listed.found))
    loaded = load(tmp_path / "retrainctl.yaml", "prod", {}, {})
    assert loaded.diagnostics == ()
    there = {(one.place["resourceGroup"].casefold(), one.place["name"].casefold()) for one in loaded.desired}
    groups = (one.spec.get("resourceGroup", listed.groups[0]) for one in listed.found)
    assert there == {(g.casefold(), one.name.casefold()) for g, one in zip(groups, listed.found, strict=True)}
