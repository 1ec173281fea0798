"""A plan as the PowerShell script that would do the same: for reading, for teaching, for those who must.

New services: `Export-`, `Import-`, `Update-`, `New-`, `Remove-AzMlWebService` and the commitment plan cmdlets
(arm-webservices.md section 13). Classic ones: the cmdlets of azuremlps (classic-api.md section 9). The script has what
the cmdlets can do: no guards, no check against live changes, no ledger, no way back. Secrets are parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.environment import Environment
from retrainctl.model.values import SecretRef
from retrainctl.render.powershell_arm import arm_lines
from retrainctl.render.powershell_classic import READ_ACCESS, classic_lines
from retrainctl.render.powershell_parameters import Parameters
from retrainctl.render.powershell_text import comment, quoted
from retrainctl.render.read import action_word, objects, text_of

_MEMBERS: Final = """\
function Set-Member($Object, [string[]] $Path, $Value) {
    foreach ($name in $Path[0..($Path.Count - 2)]) {
        if ($Path.Count -eq 1) { break }
        if ($null -eq $Object.PSObject.Properties[$name]) {
            $Object | Add-Member -MemberType NoteProperty -Name $name -Value ([pscustomobject] @{})
        }
        $Object = $Object.PSObject.Properties[$name].Value
    }
    $Object | Add-Member -Force -MemberType NoteProperty -Name $Path[-1] -Value $Value
}

function Remove-Member($Object, [string[]] $Path) {
    foreach ($name in $Path[0..($Path.Count - 2)]) {
        if ($Path.Count -eq 1) { break }
        if ($null -eq $Object.PSObject.Properties[$name]) { return }
        $Object = $Object.PSObject.Properties[$name].Value
    }
    $Object.PSObject.Properties.Remove($Path[-1])
}

function Set-Model($Definition, [string] $Slot, [string] $Uri) {
    $assets = @($Definition.properties.assets.PSObject.Properties.Value | Where-Object { $_.name -ceq $Slot })
    if ($assets.Count -ne 1) { throw "not one but $($assets.Count) assets are called $Slot" }
    $assets[0].locationInfo.uri = $Uri
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptSettings:
    """What a script needs besides the plan. management: address of the Classic management API, where there is one."""

    environment: Environment
    management: str = ""


@dataclass(slots=True)
class _Body:
    """The commands, and which helpers they use."""

    lines: list[str] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)


def plan_script(document: Mapping[str, Any], settings: ScriptSettings) -> str:
    """The script of a decoded plan document, a final newline included; plain ASCII, nothing secret in it."""
    parameters = Parameters()
    body = _Body()
    for change in _in_order(objects(document, "resource_changes")):
        body.lines.append("")
        body.lines.extend(_change(change, settings, parameters, body.targets))
    lines = [*_head(document, settings), *_needs(body.targets), *parameters.lines()]
    lines += ["", "$ErrorActionPreference = 'Stop'"]
    if "classic" in body.targets:
        lines += ["", *_workspace(settings, parameters)]
    if "arm" in body.targets:
        lines += ["", *_MEMBERS.splitlines()]
    if "token" in body.targets:
        lines += ["", *_storage(parameters), *READ_ACCESS.splitlines()]
    if not body.lines:
        body.lines = ["", "# Nothing to do."]
    return "\n".join([*lines, *body.lines]) + "\n"


def _head(document: Mapping[str, Any], settings: ScriptSettings) -> Iterator[str]:
    yield "#Requires -Version 5.1"
    yield f"# What `retrainctl apply` does in environment {comment(settings.environment.name)}, told in cmdlets."
    yield f"# Made by retrainctl {comment(text_of(document, 'retrainctl_version'))} from the plan with the digest"
    yield f"# {comment(text_of(document, 'digest'))}"
    yield "# A script has no guards, does not see what changed since the plan, keeps no record and has no way back."
    if document.get("applyable") is False:
        yield "# This plan is BLOCKED by a guard or a policy: `retrainctl apply` would refuse it."


def _needs(targets: set[str]) -> Iterator[str]:
    if "arm" in targets:
        yield "# Needs the module Az.MachineLearning, and Connect-AzAccount."
    if "classic" in targets:
        yield "# Needs the module AzureMLPS (azuremlps)."
    if "token" in targets:
        yield "# Needs the module Az.Storage."


def _workspace(settings: ScriptSettings, parameters: Parameters) -> Iterator[str]:
    classic = settings.environment.classic
    location, workspace = (classic.location, classic.workspace) if classic is not None else ("", "")
    yield "$Workspace = @{"
    yield f"    WorkspaceId = {quoted(workspace)}"
    yield f"    AuthorizationToken = {parameters.token}"
    yield f"    Location = {quoted(location)}"
    yield "}"


def _storage(parameters: Parameters) -> Iterator[str]:
    """The account keys by name; an account without one is read with the signed-in account's rights."""
    yield "$StorageKeys = @{"
    for account, variable in parameters.accounts():
        yield f"    {quoted(account)} = {variable}"
    yield "}"
    yield ""


def _in_order(changes: Sequence[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """What something waits for comes first; a deletion before what it had waited for."""
    by_address = {text_of(change, "address"): change for change in changes}
    waits: dict[str, list[str]] = {address: [] for address in by_address}
    for address, change in by_address.items():
        for other in change.get("after") or ():
            if other in by_address:
                if action_word(change["change"].get("actions") or ()) == "delete":
                    waits[other].append(address)
                else:
                    waits[address].append(other)
    done: dict[str, None] = {}
    for start in by_address:
        stack = [(start, iter(waits[start]))]
        seen = {start}
        while stack:
            address, rest = stack[-1]
            following = next((other for other in rest if other not in done and other not in seen), None)
            if following is None:
                done.setdefault(address)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(waits[following])))
    return [by_address[address] for address in done]


def _change(
    change: Mapping[str, Any], settings: ScriptSettings, parameters: Parameters, targets: set[str]
) -> Iterator[str]:
    action = action_word((change.get("change") or {}).get("actions") or ())
    moves = ", ".join(f"{m.get('from') or '(unknown)'} -> {m.get('to')}" for m in objects(change, "model_changes"))
    yield f"# {comment(action)} {comment(text_of(change, 'address'))}" + (f": {comment(moves)}" if moves else "")
    target = change.get("target")
    if target == "classic":
        targets.add("classic")
        parameters.need_token(_reference(settings))
        lines = list(classic_lines(change, settings.management, parameters, settings.environment.storage))
        if any("Get-ReadToken" in line for line in lines):
            targets.add("token")
        yield from lines
    elif target == "arm":
        targets.add("arm")
        yield from arm_lines(change, parameters)
    else:
        yield f"# There are no cmdlets for the target {comment(str(target))}."


def _reference(settings: ScriptSettings) -> SecretRef | None:
    token = settings.environment.classic.token if settings.environment.classic is not None else None
    return token if isinstance(token, SecretRef) and token.name else None
