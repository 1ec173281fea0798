"""`retrainctl cmdlet`: from PowerShell to our command line."""

from __future__ import annotations

import json

import pytest

from tests.support.command import environment
from tests.support.inside import Inside


@pytest.fixture
def run(tmp_path) -> Inside:
    return Inside(tmp_path, environment())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("Get-AzMlWebService", "webservice list"),
        ("get-azmlwebservice -name census -resourcegroupname g", "webservice get census --resource-group g"),
        ("Get-AzureRmMlWebService -Name census", "webservice get census"),
        ("Get-AzMlWebServiceKeys -Name census", "webservice keys census"),
        ("New-AzMlWebService -Name c -DefinitionFile d.json -Force", "webservice create c --definition d.json --yes"),
        ("New-AzMlWebService -Name c -Confirm:$false -Location:westus", "webservice create c --location westus"),
        (
            "Refresh-AmlWebServiceEndpoint -WebServiceId s -EndpointName e -Overwrite",
            "endpoint refresh s e --overwrite",
        ),
        (
            "Patch-AmlWebServiceEndpoint -WebServiceId s -EndpointName e -RelativeLocation /c/d -BaseLocation https://a/",
            "endpoint patch s e --model https://a/c/d",
        ),
        ("Get-AmlWebServiceEndpoint -WebServiceId s", "endpoint list s"),
        ("Get-AmlWebServiceEndpoint -WebServiceId s -EndpointName e", "endpoint get s e"),
        ("New-AmlWebService -PredictiveExperimentId x -Update", "classic deploy x --update"),
    ],
)
def test_a_cmdlet_line_becomes_a_command_line(run: Inside, words: str, line: str) -> None:
    written = words.split()
    done = run("cmdlet", *written)
    assert done.out.splitlines()[0] == f"retrainctl {line}"


def test_what_is_missing_stands_as_a_placeholder_and_values_are_quoted(run: Inside) -> None:
    done = run("cmdlet", "Remove-AmlWebServiceEndpoint", "-WebServiceId", "Bike Rental")
    assert done.out == "retrainctl endpoint remove 'Bike Rental' NAME\n"


def test_what_is_not_reproduced_says_why(run: Inside) -> None:
    assert "client certificate" in " ".join(run("cmdlet", "New-AmlWorkspace").out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Get-AzMlWebServic"], "Did you mean Get-AzMlWebService"),
        (["Get-AzMlWebService", "-Nme", "x"], "Did you mean -Name"),
        (["Get-AzMlWebService", "-Name"], "-Name needs a value"),
        (["Get-AzMlWebService", "x"], "no value without a parameter"),
        (["Get-AzMlWebService", "--output", "json"], "comes before the cmdlet"),
        (["Remove-AzMlWebService", "-MlWebService", "$ws"], "passes no objects"),
        ([], "which cmdlet?"),
    ],
)
def test_mistakes_are_named(run: Inside, words: list[str], message: str) -> None:
    done = run("cmdlet", *words, code=64)
    assert message in " ".join(done.err.split())


def test_as_json_and_all_of_them(run: Inside) -> None:
    one = json.loads(run("cmdlet", "--output", "json", "Move-AzMlCommitmentAssociation").out)
    assert one["command"] == "association move"
    assert {"name": "DestinationPlanId", "option": "--to"}.items() <= {**one["parameters"][3]}.items()
    assert len(json.loads(run("cmdlet", "--all", "--output", "json").out)) > 55
    assert "Patch-AmlWebServiceEndpoint" in run("cmdlet", "--all").out
