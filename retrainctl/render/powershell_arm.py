"""The Az.MachineLearning cmdlets for New services and commitment plans (arm-webservices.md section 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from retrainctl.render.powershell_parameters import Parameters
from retrainctl.render.powershell_text import path, quoted, value
from retrainctl.render.powershell_upload import is_upload, upload_lines
from retrainctl.render.read import objects

_REGIONAL: Final = re.compile(r"(?P<service>[^?]+)/CreateRegionalBlob\?.*\bregion=(?P<region>[^&]+).*")
_MOVE: Final = re.compile(r"(?P<plan>[^?]+)/commitmentAssociations/(?P<name>[^/?]+)/move\?.*")
_BY_ITSELF: Final = ("regions", "commitmentPlan")
"""Fields that have cmdlets of their own."""

_OUTSIDE: Final = ("location", "tags")
"""Fields that stand beside `properties`, not in it."""


def arm_lines(change: Mapping[str, Any], parameters: Parameters) -> Iterator[str]:
    """The cmdlets of a change, call by call."""
    for request in objects(change, "requests"):
        if is_upload(request):
            yield from upload_lines(request)
            continue
        method, url, body = str(request.get("method")), str(request.get("path")), request.get("body") or {}
        if method == "POST" and (made := _REGIONAL.fullmatch(url)) is not None:
            _, group, name = _place(made["service"])
            region = quoted(unquote(made["region"]))
            where = f"-ResourceGroupName {quoted(group)} -Name {quoted(name)}"
            yield f"[void] (Add-AzMlWebServiceRegionalProperty {where} -Region {region} -Force)"
            continue
        if method == "POST" and (made := _MOVE.fullmatch(url)) is not None:
            yield from _move_association(made["plan"], unquote(made["name"]), body, change)
            continue
        kind, group, name = _place(url)
        where = f"-ResourceGroupName {quoted(group)} -Name {quoted(name)}"
        plan = kind.casefold() == "commitmentplans"
        match method:
            case "DELETE":
                yield f"{'Remove-AzMlCommitmentPlan' if plan else 'Remove-AzMlWebService'} {where} -Force"
            case "PUT" if plan:
                yield from _new_plan(where, body)
            case "PUT":
                yield from _new_service(where, body, parameters)
            case _ if plan:
                yield from _update_plan(where, body)
            case _:
                yield from _update_service(where, change, parameters)


def _move_association(plan: str, name: str, body: Mapping[str, Any], change: Mapping[str, Any]) -> Iterator[str]:
    """The only way to have another plan pay. A name that nobody read is looked up by the service."""
    _, group, plan_name = _place(plan)
    where = f"-ResourceGroupName {quoted(group)} -CommitmentPlanName {quoted(plan_name)}"
    shown = quoted(name)
    if name == "{association}":
        service = quoted("*/" + str(change.get("identity") or change.get("address")).rpartition("/")[2])
        yield f"$association = Get-AzMlCommitmentAssociation {where} |"
        yield f"    Where-Object {{ $_.Properties.AssociatedResourceId -like {service} }}"
        shown = "$association.Name"
    destination = quoted(str(body.get("destinationPlanId")))
    yield f"[void] (Move-AzMlCommitmentAssociation {where} -Name {shown} -DestinationPlanId {destination})"


def _place(url: str) -> tuple[str, str, str]:
    """Type, resource group and name of a resource's address."""
    parts = [unquote(part) for part in url.partition("?")[0].strip("/").split("/")]
    lowered = [part.casefold() for part in parts]
    group = parts[lowered.index("resourcegroups") + 1] if "resourcegroups" in lowered[:-1] else ""
    return (parts[-2], group, parts[-1]) if len(parts) > 1 else ("", group, "")


def _new_service(where: str, body: Mapping[str, Any], parameters: Parameters) -> Iterator[str]:
    yield from _object("$definition", body, parameters)
    yield "$file = [IO.Path]::GetTempFileName()"
    yield "try {"
    yield "    [IO.File]::WriteAllText($file, ($definition | ConvertTo-Json -Depth 100))"
    location = quoted(str(body.get("location") or ""))
    yield f"    [void] (New-AzMlWebService {where} -Location {location} -DefinitionFile $file -Force)"
    yield "} finally {"
    yield "    Remove-Item -LiteralPath $file"
    yield "}"


def _update_service(where: str, change: Mapping[str, Any], parameters: Parameters) -> Iterator[str]:
    """Get, export, edit, import, update. Without the storage account, which a model's update must not carry (#3465)."""
    yield f"$service = Get-AzMlWebService {where}"
    yield "$definition = Export-AzMlWebService -WebService $service -ToJsonString | ConvertFrom-Json"
    yield "Remove-Member $definition @('properties', 'storageAccount')"
    keys: list[str] = []
    for place, after in _fields(change):
        if place[0] in _BY_ITSELF:
            continue
        if place[0] == "storageAccount":
            keys += [variable for _, variable in _holes(after, parameters)]
            continue
        where_to = place if place[0] in _OUTSIDE else ("properties", *place)
        if after is _GONE:
            yield f"Remove-Member $definition {path(where_to)}"
            continue
        yield f"Set-Member $definition {path(where_to)} {value(_without_holes(after))}"
        for below, variable in _holes(after, parameters):
            yield f"Set-Member $definition {path((*where_to, *below))} {variable}"
    for move in objects(change, "model_changes"):
        uri = move.get("to_uri")
        shown = quoted(uri) if isinstance(uri, str) else parameters.missing("address of the model that is uploaded")
        yield f"Set-Model $definition {quoted(str(move.get('slot')))} {shown}"
    yield "$updates = Import-AzMlWebService -JsonString ($definition | ConvertTo-Json -Depth 100)"
    yield f"[void] (Update-AzMlWebService {where} -ServiceUpdates $updates -Force)"
    for variable in keys:
        yield f"[void] (Update-AzMlWebService {where} -StorageAccountKey {variable} -Force)"


_GONE: Final = object()


def _fields(change: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    detail = change.get("change") or {}
    for entry in objects(detail, "fields"):
        place = tuple(map(str, entry.get("path") or ()))
        if not place:
            continue
        after: Any = _GONE if entry.get("after") is False else detail.get("after")
        for name in place if after is not _GONE else ():
            after = after.get(name) if isinstance(after, Mapping) else None
        yield place, after


def _object(variable: str, tree: Mapping[str, Any], parameters: Parameters) -> Iterator[str]:
    """An object in a variable, its secrets put in one by one."""
    yield f"{variable} = {value(_without_holes(tree))}"
    for place, secret in _holes(tree, parameters):
        yield f"Set-Member {variable} {path(place)} {secret}"


def _holes(tree: Any, parameters: Parameters, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a tree has a secret or a value that is in no plan, and the variable for it."""
    if isinstance(tree, Mapping):
        if isinstance(reference := tree.get("$secret"), Mapping):
            yield at, parameters.secret(reference)
        elif "$sensitive" in tree:
            yield at, parameters.missing(f"sensitive value of {'.'.join(at)} (#{tree['$sensitive']})")
        elif "$unknown" in tree:
            yield at, parameters.missing(f"{'.'.join(at)}: {tree['$unknown']}")
        else:
            for name, item in tree.items():
                yield from _holes(item, parameters, (*at, str(name)))


def _without_holes(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        if tree.keys() & {"$secret", "$sensitive", "$unknown"}:
            return None
        return {name: _without_holes(item) for name, item in tree.items()}
    return [_without_holes(item) for item in tree] if isinstance(tree, list) else tree


def _new_plan(where: str, body: Mapping[str, Any]) -> Iterator[str]:
    location = quoted(str(body.get("location") or ""))
    yield f"[void] (New-AzMlCommitmentPlan {where} -Location {location} {_sku(body)} -Force)"
    if body.get("tags"):
        yield "# New-AzMlCommitmentPlan takes no tags."
        yield from _update_plan(where, body)


def _update_plan(where: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Without -SkuCapacity the cmdlet scales down to 1, without -Tag it fails: both are always given."""
    tags = body.get("tags") or {}
    pairs = "; ".join(f"{quoted(str(name))} = {quoted(str(text))}" for name, text in tags.items())
    if "sku" not in body:
        yield f"$plan = Get-AzMlCommitmentPlan {where}"
        sku = "-SkuName $plan.Sku.Name -SkuTier $plan.Sku.Tier -SkuCapacity $plan.Sku.Capacity"
    else:
        sku = _sku(body)
    yield f"Update-AzMlCommitmentPlan {where} {sku} -Tag @{{ {pairs} }} -Force"


def _sku(body: Mapping[str, Any]) -> str:
    sku = body.get("sku") or {}
    capacity = sku.get("capacity")
    name, tier = quoted(str(sku.get("name") or "")), quoted(str(sku.get("tier") or "Standard"))
    return f"-SkuName {name} -SkuTier {tier} -SkuCapacity {capacity if type(capacity) is int else 1}"
