"""The cmdlets of azuremlps for the calls of a Classic change (classic-api.md section 9)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from retrainctl.model.environment import StorageSettings
from retrainctl.render.powershell_parameters import Parameters
from retrainctl.render.powershell_text import comment, quoted
from retrainctl.render.powershell_upload import is_upload, upload_lines
from retrainctl.render.read import objects

READ_ACCESS: Final = """\
function Get-ReadToken([string] $Account, [string] $Container, [string] $Blob) {
    if ($StorageKeys[$Account]) {
        $context = New-AzStorageContext -StorageAccountName $Account -StorageAccountKey $StorageKeys[$Account]
    } else {
        $context = New-AzStorageContext -StorageAccountName $Account -UseConnectedAccount
    }
    $what = @{ Context = $context; Container = $Container; Blob = $Blob }
    $token = New-AzStorageBlobSASToken @what -Permission r -ExpiryTime (Get-Date).AddHours(1)
    '?' + $token.TrimStart('?')
}
"""


def classic_lines(
    change: Mapping[str, Any], management: str, parameters: Parameters, storage: Mapping[str, StorageSettings]
) -> Iterator[str]:
    """One cmdlet per call, one per model; what has no cmdlet is called by hand."""
    for request in objects(change, "requests"):
        if is_upload(request):
            yield from upload_lines(request)
            continue
        method, path, body = str(request.get("method")), str(request.get("path")), request.get("body") or {}
        service, name = _place(path)
        where = f"@Workspace -WebServiceId {quoted(service)} -EndpointName {quoted(name)}"
        match method:
            case "PUT":
                yield from _add(where, body)
            case "POST":
                overwrite = " -OverwriteResources" if str(body.get("OverwriteResources")).lower() == "true" else ""
                yield f"Refresh-AmlWebServiceEndpoint {where}{overwrite}"
            case "DELETE":
                yield f"Remove-AmlWebServiceEndpoint {where}"
            case "PATCH" if "Resources" in body:
                for resource in objects(body, "Resources"):
                    yield from _patch(where, resource, parameters, storage)
            case _:
                yield from _by_hand(management + path, body, parameters)


def _place(path: str) -> tuple[str, str]:
    """Web service id and endpoint name of `/workspaces/W/webservices/ID/endpoints/NAME[/refresh]`."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    at = {name: parts[i + 1] for i, name in enumerate(parts[:-1]) if name in ("webservices", "endpoints")}
    return at.get("webservices", ""), at.get("endpoints", "")


def _add(where: str, body: Mapping[str, Any]) -> Iterator[str]:
    line = f"Add-AmlWebServiceEndpoint {where}"
    description = body.get("Description")
    if isinstance(description, str):
        if not description.isascii():
            yield "# azuremlps sends ASCII: other letters of the description become question marks."
        line += f" -Description {quoted(description)}"
    line += f" -ThrottleLevel {quoted(str(body.get('ThrottleLevel') or 'Low'))}"
    if isinstance(calls := body.get("MaxConcurrentCalls"), int):
        line += f" -MaxConcurrentCalls {calls}"
    if body.get("PreventUpdate") is True:
        line += " -PreventUpdate"
    yield line


def _patch(
    where: str, resource: Mapping[str, Any], parameters: Parameters, storage: Mapping[str, StorageSettings]
) -> Iterator[str]:
    location = resource.get("Location") or {}
    base, relative = location.get("BaseLocation"), location.get("RelativeLocation")
    line = f"Patch-AmlWebServiceEndpoint {where} -ResourceName {quoted(str(resource.get('Name')))}"
    if not isinstance(base, str) or not isinstance(relative, str):
        base_variable = parameters.missing("BaseLocation of the model that the apply uploads")
        relative_variable = parameters.missing("RelativeLocation of the model that the apply uploads")
        token = parameters.missing("SAS token of the model that the apply uploads")
        yield f"{line} -BaseLocation {base_variable} -RelativeLocation {relative_variable} -SasBlobToken {token}"
        return
    account = (urlsplit(base).hostname or "").partition(".")[0]
    container, _, blob = unquote(relative).partition("/")
    parameters.storage(account, storage)
    token = f"(Get-ReadToken {quoted(account)} {quoted(container)} {quoted(blob)})"
    yield f"{line} -BaseLocation {quoted(base)} -RelativeLocation {quoted(relative)} -SasBlobToken {token}"


def _by_hand(url: str, body: Mapping[str, Any], parameters: Parameters) -> Iterator[str]:
    """There is no cmdlet that changes an endpoint's settings."""
    text = quoted(json.dumps(dict(body), ensure_ascii=True, separators=(",", ":")))
    yield f"# No cmdlet sets {comment(', '.join(body))}; that the service takes this call was never seen."
    yield f"Invoke-RestMethod -Method Patch -Uri {quoted(url)} -ContentType 'application/json; charset=utf-8' `"
    yield f'    -Headers @{{ Authorization = "Bearer {parameters.token}" }} -Body {text}'
