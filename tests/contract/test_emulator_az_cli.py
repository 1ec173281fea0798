"""The `az` command line, unmodified, against the emulator: cloud, login, and the life of a web service.

It runs from RETRAINCTL_AZ, the PATH, or an environment of its own in the user's cache, never from the project's. It is
big (730 MB, 90 s of work to install), so only CI and the full profile install it, once a machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator_process import GROUP, PLANS, SERVICES, Emulator, definition, running

HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retrainctl" / "azure-cli"
FULL = bool(os.environ.get("RETRAINCTL_FULL"))
THERE = os.environ.get("RETRAINCTL_AZ") or shutil.which("az") or (HOME / "bin" / "az").exists()
AVAILABLE = THERE or FULL or os.environ.get("CI")

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not AVAILABLE, reason="az is not installed; CI and the full profile (RETRAINCTL_FULL=1) install it"
    ),
]

Az = Callable[..., Any]


@pytest.fixture(scope="module")
def executable() -> str:
    given = os.environ.get("RETRAINCTL_AZ") or shutil.which("az")
    if given:
        return given
    if not (HOME / "bin" / "az").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
        made = subprocess.run([str(HOME / "bin" / "pip"), "install", "-q", "azure-cli"], check=False)
        if made.returncode and not FULL:
            pytest.skip("az could not be installed: its contract with the emulator was not tested")
        made.check_returncode()
    return str(HOME / "bin" / "az")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("az") / "state", "--https", "--retry-after", "1") as one:
        yield one


@pytest.fixture(scope="module")
def az(executable: str, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """Runs `az ARGUMENTS`; the JSON that it prints, or its error text when `fails`."""
    environment = os.environ | {
        "AZURE_CONFIG_DIR": str(tmp_path_factory.mktemp("azcfg")),
        "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "REQUESTS_CA_BUNDLE": emulator.ready["ca"],
    }

    def run(*arguments: str, fails: bool = False) -> Any:
        command = [executable, *arguments, "--only-show-errors"]
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        assert (ended.returncode != 0) is fails, ended.stderr
        if fails:
            return ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    run("cloud", "register", "-n", "local", "--endpoint-resource-manager", emulator.url)
    run("cloud", "set", "-n", "local")
    run("config", "set", "core.instance_discovery=false")
    tenant, application = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    run("login", "--service-principal", "-u", application, "-p", "secret", "--tenant", tenant)
    return run


def test_az_does_the_life_of_a_web_service(az: Az, tmp_path: Path) -> None:
    plan = ("--id", f"{PLANS}/plan1", "--api-version", "2016-05-01-preview")
    census = ("--id", f"{SERVICES}/census", "--api-version", "2017-01-01")
    whole = ("--is-full-object", "-p")
    sku = {"name": "S1", "tier": "Standard", "capacity": 1}
    az("resource", "create", *plan, *whole, json.dumps({"location": "southcentralus", "sku": sku}))
    file = tmp_path / "census.json"
    file.write_text(json.dumps(definition()))
    assert az("resource", "create", *census, *whole, f"@{file}")["properties"]["provisioningState"] == "Succeeded"
    kind = "Microsoft.MachineLearning/webServices"
    assert (
        az("resource", "show", "-g", "local", "-n", "census", "--resource-type", kind)["location"] == "South Central US"
    )
    updated = az("resource", "update", *census, "--set", "properties.description=hello")
    assert updated["properties"]["description"] == "hello"
    patch = json.dumps({"properties": {"packageType": "Graph", "title": "patched"}})
    assert az("resource", "patch", *census, *whole, patch)["properties"]["title"] == "patched"
    assert az("resource", "tag", *census, "--tags", "team=growth")["tags"] == {"team": "growth"}
    listed = az("resource", "list", "-g", "local")
    assert sorted(one["name"] for one in listed) == ["census", "plan1"]
    az("resource", "wait", "--exists", *census)
    keys = az("rest", "--method", "get", "--url", f"{SERVICES}/census/listKeys?api-version=2017-01-01")
    assert sorted(keys) == ["primary", "secondary"]
    az("resource", "delete", *census)
    assert "No Web Service could be found with the provided name: census." in az(
        "resource", "show", *census, fails=True
    )


def test_az_does_the_life_of_a_group(az: Az) -> None:
    assert [one["name"] for one in az("group", "list")] == ["local"]
    assert az("group", "create", "-n", "team", "-l", "southcentralus")["id"] == GROUP.replace("/local", "/team")
    assert az("group", "exists", "-n", "team") is True
    az("group", "delete", "-n", "team", "--yes")
    assert az("group", "exists", "-n", "team") is False
