"""Where a workspace's APIs are: the table of regions, and what may stand in its place."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.targets.classic.hosts import LOCATIONS, hosts_of
from tests.support.classic_cases import SETTINGS


def test_every_region_of_the_dossier_is_there(shared: Path) -> None:
    text = (shared / "classic-api.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ([A-Z][\w ]+?)(?: \(.*?\))? \| `(https://\S+/api)/` \| `(https://\S+)/` \|", text, re.MULTILINE
    )
    assert len(rows) == len(LOCATIONS)
    assert {name: (studio, management) for name, studio, management in rows} == {
        name: (hosts.studio, hosts.management) for name, hosts in LOCATIONS.items()
    }


@pytest.mark.parametrize("name", ["west europe", "WEST EUROPE", "  West  Europe "])
def test_names_have_no_case(name: str) -> None:
    assert hosts_of(replace(SETTINGS, location=name)).management == "https://europewest.management.azureml.net"


def test_an_unknown_location_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as caught:
        hosts_of(replace(SETTINGS, location="Mars"))
    (finding,) = caught.value.diagnostics
    assert finding.code == "RC360"
    assert '"Mars"' in finding.message
    for name in LOCATIONS:
        assert name in (finding.hint or "")


def test_addresses_of_ones_own_stand_before_the_table() -> None:
    own = replace(SETTINGS, location="Mars", hosts={"management": "http://127.0.0.1:8080/"})
    assert hosts_of(own).management == "http://127.0.0.1:8080"
    half = replace(SETTINGS, hosts={"studio": "https://studio.example/api/"})
    assert hosts_of(half).management == "https://management.azureml.net"
    assert hosts_of(half).studio == "https://studio.example/api"


def test_a_misspelt_address_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        hosts_of(replace(SETTINGS, hosts={"managment": "https://x.example"}))
    assert "managment" in caught.value.diagnostics[0].message
