"""The Az.Storage cmdlets that bring a local model file to its blob as an apply does: once, only the planned bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from retrainctl.render.powershell_text import comment, quoted


def is_upload(request: Mapping[str, Any]) -> bool:
    """Whether a planned call goes to a blob, not to the service that the change is about."""
    return request.get("method") == "PUT" and str(request.get("path")).startswith(("https://", "http://"))


def upload_lines(request: Mapping[str, Any]) -> Iterator[str]:
    """Uploads unless the blob is there; a file with other bytes than planned stops the script."""
    body = request.get("body") or {}
    file, sha256 = str(body.get("file") or ""), str(body.get("sha256") or "")
    parts = urlsplit(str(request.get("path")))
    container, _, blob = unquote(parts.path).lstrip("/").partition("/")
    account = (parts.hostname or "").partition(".")[0]
    names = f"-Container {quoted(container)} -Blob {quoted(blob)} -Context $context"
    yield f"# Needs the module Az.Storage. The file is relative to the project's folder: {comment(file)}"
    yield f"$context = New-AzStorageContext -StorageAccountName {quoted(account)} -UseConnectedAccount"
    yield f"if (-not (Get-AzStorageBlob {names} -ErrorAction SilentlyContinue)) {{"
    yield f"    $hash = (Get-FileHash -LiteralPath {quoted(file)} -Algorithm SHA256).Hash"
    yield f"    if ($hash -ne {quoted(sha256)}) {{ throw {quoted(f'{file} changed since the plan was made')} }}"
    yield f"    [void] (Set-AzStorageBlobContent -File {quoted(file)} {names})"
    yield "}"
