"""A local model file in the script that does what an apply does."""

from __future__ import annotations

from retrainctl.render.powershell_upload import is_upload, upload_lines

URI = "https://acct.blob.core.windows.net/models/retrainctl/ab%20c.ilearner"


def request(file: str = "models/new.ilearner") -> dict:
    return {"method": "PUT", "path": URI, "body": {"file": file, "sha256": "ab" * 32}}


def test_an_upload_is_told_from_the_services_own_calls():
    assert is_upload(request())
    assert not is_upload({"method": "PUT", "path": "/subscriptions/s/webServices/x"})
    assert not is_upload({"method": "PATCH", "path": URI})


def test_the_script_uploads_the_planned_bytes_once():
    text = "\n".join(upload_lines(request()))
    assert "-StorageAccountName 'acct' -UseConnectedAccount" in text
    assert "-Container 'models' -Blob 'retrainctl/ab c.ilearner'" in text
    assert text.index("Get-AzStorageBlob ") < text.index("Get-FileHash") < text.index("throw")
    assert text.index("throw") < text.index("Set-AzStorageBlobContent -File 'models/new.ilearner'")
    assert "ab" * 32 in text


def test_a_nasty_name_ends_no_string_and_no_line():
    text = "\n".join(upload_lines(request("x'; Remove-Item $HOME #\n\u201d##vso[x].ilearner")))
    assert text.isascii()
    assert "##" not in text
    assert all(line.startswith(("#", "$context", "if ", "    ", "}")) for line in text.splitlines())
    assert "'x''; Remove-Item $HOME #'" in text
