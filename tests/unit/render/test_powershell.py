"""The plan as a cmdlet script: what it calls, in which order, and that no text of a plan can be more than a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from retrainctl.model.address import Address
from retrainctl.model.change import Action, FieldChange, ModelChange, ResourceChange
from retrainctl.model.environment import ArmSettings, ClassicSettings, Environment, StorageSettings
from retrainctl.model.values import MISSING, Secret, SecretRef
from retrainctl.model.versions import ModelVersion
from retrainctl.plan.encode import encode
from retrainctl.plan.plan import Block, Plan
from retrainctl.render.powershell import ScriptSettings, plan_script
from retrainctl.render.powershell_text import quoted
from retrainctl.targets.arm.planner import ArmPlanner
from retrainctl.targets.classic.planner import ClassicPlanner

WORKSPACE, SERVICE = "d2f6" * 8, "5e" * 16
CLASSIC = ClassicSettings(workspace=WORKSPACE, location="West Europe", token=SecretRef("env", "AML_TOKEN"))
ARM = ArmSettings(subscription="sub", resource_group="rg")
ENVIRONMENT = Environment(
    name="prod",
    arm=ARM,
    classic=CLASSIC,
    storage={"acct": StorageSettings(account="acct", key=SecretRef("env", "STORAGE_KEY"))},
)
SETTINGS = ScriptSettings(environment=ENVIRONMENT, management="https://europewest.management.azureml.net")
PLANNERS = {"classic": ClassicPlanner(settings=CLASSIC), "arm": ArmPlanner(settings=ARM, environment="prod")}
HOSTILE = [
    "'; Remove-Item -Recurse C:\\ #",
    "$(Get-Secret)",
    "`$x",
    "a\nRemove-Item x",
    "a\r\n'@\nInvoke-Expression 'x'",
    "\u2018; Get-Date; \u2019",
    "\u201a\u201b x",
    '"quoted"',
    "\x00\x1b[2J\u202e",
    "##vso[task.setvariable variable=x]y",
    "\n::error::x",
    "{0} -f @($x)",
    "自転車 ü 🚲",
    "--% | & ; > < ` @{ }",
    "",
]


def change(
    target: str,
    address: str,
    identity: str,
    *entries: FieldChange | ModelChange,
    action: Action = Action.UPDATE,
    **more: Any,
) -> ResourceChange:
    kind, _, name = address.partition("/")
    return ResourceChange(
        address=Address(kind, name),
        target=target,
        identity=identity,
        action=action,
        fields=tuple(e for e in entries if isinstance(e, FieldChange)),
        models=tuple(e for e in entries if isinstance(e, ModelChange)),
        **more,
    )


def endpoint(
    name: str, *entries: FieldChange | ModelChange, action: Action = Action.UPDATE, **more: Any
) -> ResourceChange:
    identity = f"/workspaces/{WORKSPACE}/webservices/{SERVICE}/endpoints/{name}"
    return change("classic", f"Endpoint/{name}", identity, *entries, action=action, **more)


def service(name: str, *entries: FieldChange | ModelChange, kind: str = "webServices", **more: Any) -> ResourceChange:
    identity = f"/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearning/{kind}/{name}"
    word = "WebService" if kind == "webServices" else "CommitmentPlan"
    return change("arm", f"{word}/{name}", identity, *entries, **more)


def field(path: str, after: Any, before: Any = MISSING) -> FieldChange:
    return FieldChange(path=tuple(path.split(".")), before=before, after=after)


def move(
    slot: str = "Census [trained model]", version: int = 2, before: int | None = 1, path: str = "census"
) -> ModelChange:
    def one(number: int) -> ModelVersion:
        uri = f"https://acct.blob.core.windows.net/models/{path}/{number}.ilearner"
        return ModelVersion(model="census", version=number, uri=uri)

    former = None if before is None else one(before)
    return ModelChange(
        slot=slot, before=former, after=one(version), from_uri=former and former.uri, to_uri=one(version).uri
    )


LIVE = {
    "properties": {
        "packageType": "Graph",
        "assets": {
            "asset1": {
                "name": "Census [trained model]",
                "type": "Resource",
                "locationInfo": {"uri": "https://acct.blob.core.windows.net/models/census/1.ilearner"},
            }
        },
    }
}


def script(*changes: ResourceChange, settings: ScriptSettings = SETTINGS, **more: Any) -> str:
    from dataclasses import replace

    from retrainctl.definition.observe import observe

    planned = []
    for one in changes:
        live = None
        if one.target == "arm" and one.action is Action.UPDATE:
            live = observe(one.address, one.identity, LIVE)
        planned.append(replace(one, steps=PLANNERS[one.target].steps(one, live)))
    plan = Plan(environment="prod", changes=tuple(planned), retrainctl_version="1.2", **more)
    return plan_script(encode(plan), settings)


def commands(text: str) -> list[str]:
    """The lines that call something, helpers left out."""
    return [
        line
        for line in text.splitlines()
        if re.match(r"\[void\]|[A-Z][a-z]+-A[mz]|Invoke-RestMethod|    \[void\]", line)
    ]


def test_endpoints_are_added_patched_refreshed_and_removed() -> None:
    settings = (field("Description", 'say "ü"'), field("ThrottleLevel", "High"), field("MaxConcurrentCalls", 20))
    text = script(
        endpoint("new", *settings, move(before=None), action=Action.CREATE),
        endpoint("old", action=Action.DELETE),
        endpoint("two", field("refreshAll", "done", "due"), move(), move("Zwei [trained model]")),
    )
    where = f"@Workspace -WebServiceId '{SERVICE}' -EndpointName"
    token = "(Get-ReadToken 'acct' 'models' 'census/2.ilearner')"
    location = "-BaseLocation 'https://acct.blob.core.windows.net/' -RelativeLocation 'models/census/2.ilearner'"
    model = f"-ResourceName 'Census [trained model]' {location} -SasBlobToken {token}"
    assert commands(text) == [
        f"Add-AmlWebServiceEndpoint {where} 'new' -Description ('say \"' + [char]0x00FC + '\"') -ThrottleLevel 'High'"
        " -MaxConcurrentCalls 20",
        f"Patch-AmlWebServiceEndpoint {where} 'new' {model}",
        f"Remove-AmlWebServiceEndpoint {where} 'old'",
        f"Refresh-AmlWebServiceEndpoint {where} 'two' -OverwriteResources",
        f"Patch-AmlWebServiceEndpoint {where} 'two' {model}",
        f"Patch-AmlWebServiceEndpoint {where} 'two' {model.replace('Census', 'Zwei')}",
    ]
    assert "    Location = 'West Europe'" in text
    assert "azuremlps sends ASCII" in text


def test_secrets_are_parameters() -> None:
    text = script(endpoint("a", move()))
    assert "[string] $AuthorizationToken = $env:AML_TOKEN" in text
    assert "[string] $Secret1 = $env:STORAGE_KEY" in text
    assert "    'acct' = $Secret1" in text
    emulator = Environment(name="local", classic=ClassicSettings(workspace="1", location="x", token=Secret("CANARY")))
    text = script(endpoint("a", move()), settings=ScriptSettings(environment=emulator))
    assert "[Parameter(Mandatory)] [string] $AuthorizationToken" in text
    assert "CANARY" not in text
    assert "-UseConnectedAccount" in text


@pytest.mark.parametrize(
    ("reference", "expression"),
    [
        (SecretRef("env", "odd name'"), "[Environment]::GetEnvironmentVariable('odd name''')"),
        (SecretRef("file", "k/s.txt"), "([IO.File]::ReadAllText('k/s.txt').TrimEnd([char]13, [char]10))"),
        (
            SecretRef("keyVault", "https://v.vault.azure.net", "s"),
            "(Get-AzKeyVaultSecret -VaultName 'v' -Name 's' -AsPlainText)",
        ),
    ],
)
def test_every_kind_of_reference_has_an_expression(reference: SecretRef, expression: str) -> None:
    text = script(service("s", field("storageAccount.key", reference)))
    assert f"[string] $Secret1 = {expression}" in text
    assert "-StorageAccountKey $Secret1 -Force" in text
    assert "storageAccount'" in text


def test_settings_of_an_endpoint_have_no_cmdlet() -> None:
    text = script(endpoint("a", field("Description", "new", "old")))
    (line,) = commands(text)
    assert line.startswith(
        f"Invoke-RestMethod -Method Patch -Uri 'https://europewest.management.azureml.net/workspaces/{WORKSPACE}"
    )
    assert "was never seen" in text
    assert """-Body '{"Description":"new"}'""" in text


def test_a_model_of_a_new_service_goes_by_export_edit_import_update() -> None:
    text = script(service("census 1", move(), field("tags.team", "growth"), field("title", MISSING, "x")))
    where = "-ResourceGroupName 'rg' -Name 'census 1'"
    body = text[text.index("# update WebService/census 1") :]
    assert body.splitlines() == [
        "# update WebService/census 1: census@1 -> census@2",
        f"$service = Get-AzMlWebService {where}",
        "$definition = Export-AzMlWebService -WebService $service -ToJsonString | ConvertFrom-Json",
        "Remove-Member $definition @('properties', 'storageAccount')",
        "Set-Member $definition @('tags', 'team') 'growth'",
        "Remove-Member $definition @('properties', 'title')",
        "Set-Model $definition 'Census [trained model]' 'https://acct.blob.core.windows.net/models/census/2.ilearner'",
        "$updates = Import-AzMlWebService -JsonString ($definition | ConvertTo-Json -Depth 100)",
        f"[void] (Update-AzMlWebService {where} -ServiceUpdates $updates -Force)",
    ]


def test_a_new_service_is_made_from_a_definition_with_its_secrets_put_in() -> None:
    text = script(
        service(
            "census",
            field("location", "West Europe"),
            field("package", {"nodes": {}}),
            field("storageAccount", {"name": "acct", "key": SecretRef("env", "STORAGE_KEY")}),
            field("commitmentPlan", {"id": "/subscriptions/x"}),
            action=Action.CREATE,
        )
    )
    assert "Set-Member $definition @('properties', 'storageAccount', 'key') $Secret1" in text
    assert '"key":null' in text
    where = "-ResourceGroupName 'rg' -Name 'census' -Location 'West Europe'"
    assert f"[void] (New-AzMlWebService {where} -DefinitionFile $file -Force)" in text
    assert text.count("[string] $Secret1 = $env:STORAGE_KEY") == 1


def test_plans_and_removals() -> None:
    text = script(
        service("s1", field("location", "x"), field("sku", {"name": "S1", "tier": "Standard", "capacity": 3}),
                kind="commitmentPlans", action=Action.CREATE),
        service("s2", kind="commitmentPlans", action=Action.DELETE),
        service("gone", action=Action.DELETE),
    )  # fmt: skip
    assert "-SkuName 'S1' -SkuTier 'Standard' -SkuCapacity 3 -Force" in text
    assert "Remove-AzMlCommitmentPlan -ResourceGroupName 'rg' -Name 's2' -Force" in text
    assert "Remove-AzMlWebService -ResourceGroupName 'rg' -Name 'gone' -Force" in text


def test_who_pays_changes_by_a_cmdlet_of_its_own() -> None:
    plans = "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearning/commitmentPlans"
    s1, s2 = f"{plans}/s1", f"{plans}/s2"
    text = script(service("census", field("title", "x", "y"), field("commitmentPlan.id", s2, s1)))
    where = "-ResourceGroupName 'rg' -CommitmentPlanName 's1'"
    assert "'commitmentPlan'" not in text, "an update never carries it"
    body = text[text.index("$association =") :].splitlines()
    assert body[:3] == [
        f"$association = Get-AzMlCommitmentAssociation {where} |",
        "    Where-Object { $_.Properties.AssociatedResourceId -like '*/census' }",
        f"[void] (Move-AzMlCommitmentAssociation {where} -Name $association.Name -DestinationPlanId '{s2}')",
    ]


def test_what_is_waited_for_comes_first_and_a_blocked_plan_says_so() -> None:
    plan = Address("CommitmentPlan", "z")
    text = script(
        service("a", field("location", "x"), action=Action.CREATE, after=(plan,)),
        service("z", field("location", "x"), kind="commitmentPlans", action=Action.CREATE),
        blocked=(Block(guard="freeze", message="no"),),
    )
    assert text.index("New-AzMlCommitmentPlan") < text.index("New-AzMlWebService")
    assert "BLOCKED" in text


def test_nothing_to_do_is_a_script_that_does_nothing() -> None:
    assert commands(script()) == []
    assert "# Nothing to do." in script()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_more_than_a_text(text: str) -> None:
    written = quoted(text)
    assert written.isascii()
    assert written.isprintable()
    assert "##" not in written
    assert value_of(written) == text


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_hostile_names_everywhere_leave_the_calls_as_they_are(text: str) -> None:
    name = text.replace("/", "_").replace("\n", " ") or "x"
    made = script(
        endpoint(name, field("Description", text), move(text, path=name.replace("\\", "_")), action=Action.CREATE),
        service("s", field("title", text), field("tags", {text: text})),
        settings=ScriptSettings(environment=Environment(
            name=text, classic=ClassicSettings(workspace=text, location=text, token=SecretRef("env", text))
        )),
    )  # fmt: skip
    assert made.isascii()
    assert "\x1b" not in made
    assert "##vso" not in made
    called = [word for line in made.splitlines() for word in called_words(line)]
    assert set(called) <= KNOWN, set(called) - KNOWN


KNOWN = frozenset(
    [
        "Add-AmlWebServiceEndpoint",
        "Patch-AmlWebServiceEndpoint",
        "Get-ReadToken",
        "Get-AzMlWebService",
        "ConvertFrom-Json",
        "Export-AzMlWebService",
        "Import-AzMlWebService",
        "Update-AzMlWebService",
        "Set-Member",
        "Remove-Member",
        "Set-Model",
        "Add-Member",
        "ConvertTo-Json",
        "Where-Object",
        "New-AzStorageContext",
        "New-AzStorageBlobSASToken",
        "Get-Date",
    ]
)


def strings_out(line: str) -> str:
    """The line without its single-quoted strings and comments, as PowerShell reads them."""
    out, at = "", 0
    while at < len(line):
        if line[at] == "'":
            at += 1
            while line[at] != "'" or line[at : at + 2] == "''":
                at += 2 if line[at : at + 2] == "''" else 1
            at += 1
        elif line[at] == "#":
            break
        else:
            out += line[at]
            at += 1
    return out


def called_words(line: str) -> Iterator[str]:
    yield from re.findall(r"(?<![\w$-])[A-Z][a-z]+-[A-Z]\w+", strings_out(line))


def value_of(expression: str) -> str:
    """Evaluates what `quoted` may write: strings, [char] and ConvertFromUtf32, joined by +."""
    token = re.compile(
        r"'((?:[^']|'')*)'|\[char\]0x([0-9A-F]{4})|\[char\]::ConvertFromUtf32\(0x([0-9A-F]+)\)| \+ |[()]"
    )
    at, out = 0, ""
    while at < len(expression):
        match = token.match(expression, at)
        assert match is not None, expression[at:]
        if match[1] is not None:
            out += match[1].replace("''", "'")
        elif match[2] or match[3]:
            out += chr(int(match[2] or match[3], 16))
        at = match.end()
    return out
