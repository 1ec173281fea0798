"""What the emulator's Blob service does beyond the suite that it shares with Azurite (tests/contract)."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, generate_blob_sas

from retrainctl.emulator.identity import account_key
from tests.support.emulator_process import Emulator, running

ACCOUNT = "acct"
KEY = {"account_name": ACCOUNT, "account_key": account_key(ACCOUNT)}


def client(emulator: Emulator, credential: Any = KEY, **more: Any) -> BlobServiceClient:
    return BlobServiceClient(f"{emulator.url}/{ACCOUNT}", credential=credential, retry_total=0, **more)


@pytest.fixture
def service(emulator: Emulator) -> Iterator[BlobServiceClient]:
    with client(emulator) as one:
        yield one


def files(emulator: Emulator) -> list[Path]:
    return [path for path in (emulator.state / "blobs").rglob("*") if path.is_file()]


def put(emulator: Emulator, path: str, **headers: str) -> httpx.Response:
    return emulator.http.put(f"/{ACCOUNT}/{path}", content=b"data", headers={"x-ms-version": "2021-12-02", **headers})


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.headers.get("x-ms-error-code", "")


# Credentials


class Redirected(RequestsTransport):
    """Sends what is meant for Azure to the emulator, after it was signed: as a client's own transport may do."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    def send(self, request: Any, **more: Any) -> Any:
        parts = urlsplit(request.url)
        account = parts.netloc.partition(".")[0]
        request.url = f"{self.base}/{account}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, **more)


def test_a_request_signed_for_azure_is_known_again_here(emulator: Emulator) -> None:
    transport = Redirected(emulator.url)
    with BlobServiceClient(
        f"https://{ACCOUNT}.blob.core.windows.net", credential=account_key(ACCOUNT), transport=transport
    ) as service:
        box = service.create_container("box")
        box.upload_blob("a b/ü+%.txt", b"signed for Azure", metadata={"under_score": "1", "a-b": "2", "ab": "3"})
        assert box.download_blob("a b/ü+%.txt").readall() == b"signed for Azure"
        assert [blob.name for blob in box.list_blobs(name_starts_with="a b/")] == ["a b/ü+%.txt"]


class Fixed:
    """A credential that always has the same token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *_scopes: str, **_more: Any) -> AccessToken:
        return AccessToken(self.token, 4102444800)


def test_a_user_delegation_signature_works(tmp_path: Path) -> None:
    with running(tmp_path / "state", "--https") as emulator:
        credential = Fixed(emulator.ready["token"])
        with client(emulator, credential, connection_verify=emulator.ready["ca"]) as service:
            service.create_container("box").upload_blob("mine", b"delegated")
            start, end = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(hours=1)
            key = service.get_user_delegation_key(start, end)
        for name, status in (("mine", 200), ("other", 403)):
            sas = generate_blob_sas(
                ACCOUNT, "box", name, user_delegation_key=key, permission="r", start=start, expiry=end
            )
            assert emulator.bare.get(f"/{ACCOUNT}/box/mine?{sas}").status_code == status


def test_a_bearer_token_must_be_one_of_the_emulator(emulator: Emulator) -> None:
    assert put(emulator, "box?restype=container").status_code == 201
    headers = {"Authorization": "Bearer nonsense.nonsense.nonsense", "x-ms-version": "2021-12-02"}
    assert error(emulator.bare.get(f"/{ACCOUNT}/box/x", headers=headers)) == (401, "InvalidAuthenticationInfo")


def test_time_is_the_emulators_own(emulator: Emulator, service: BlobServiceClient) -> None:
    service.create_container("box").upload_blob("x", b"x")
    end = datetime.now(UTC) + timedelta(minutes=5)
    sas = generate_blob_sas(ACCOUNT, "box", "x", account_key=account_key(ACCOUNT), permission="r", expiry=end)
    assert emulator.bare.get(f"/{ACCOUNT}/box/x?{sas}").status_code == 200
    emulator.control("PUT", "clock", {"advance": 600})
    late = emulator.bare.get(f"/{ACCOUNT}/box/x?{sas}")
    assert error(late) == (403, "AuthenticationFailed")
    assert "time frame" in late.text


# Answers


def test_errors_are_xml_and_carry_a_request_id(emulator: Emulator) -> None:
    put(emulator, "box?restype=container")
    response = emulator.http.get(f"/{ACCOUNT}/box/none", headers={"x-ms-client-request-id": "mine"})
    assert error(response) == (404, "BlobNotFound")
    assert response.headers["content-type"] == "application/xml"
    assert response.text.startswith('<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code>')
    assert response.headers["x-ms-client-request-id"] == "mine"
    head = emulator.http.head(f"/{ACCOUNT}/box/none")
    assert error(head) == (404, "BlobNotFound")
    assert head.content == b""


def test_a_head_tells_the_length_without_the_bytes(emulator: Emulator) -> None:
    put(emulator, "box?restype=container")
    assert put(emulator, "box/x", **{"x-ms-blob-type": "BlockBlob"}).status_code == 201
    head = emulator.http.head(f"/{ACCOUNT}/box/x")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "4", b"")


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("box/x", {"x-ms-blob-type": "AppendBlob"}, (400, "UnsupportedOperation")),
        ("box/x", {}, (400, "MissingRequiredHeader")),
        ("box/x", {"x-ms-blob-type": "Odd"}, (400, "InvalidHeaderValue")),
        ("box/x?comp=lease", {}, (400, "UnsupportedOperation")),
        ("box/x?comp=block&blockid=!!", {}, (400, "InvalidQueryParameterValue")),
        ("Box?restype=container", {}, (400, "InvalidResourceName")),
        ("box/x", {"x-ms-blob-type": "BlockBlob", "Content-MD5": "short"}, (400, "InvalidMd5")),
        ("box?restype=container", {"x-ms-blob-public-access": "all"}, (400, "InvalidHeaderValue")),
        ("none/x", {"x-ms-blob-type": "BlockBlob"}, (404, "ContainerNotFound")),
    ],
)
def test_what_cannot_be_is_refused(
    emulator: Emulator, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    put(emulator, "box?restype=container")
    assert error(put(emulator, path, **headers)) == expected


@pytest.mark.parametrize("body", [b"<Broken", b'<!DOCTYPE x [<!ENTITY a "b">]><BlockList/>'])
def test_a_block_list_must_be_plain_xml(emulator: Emulator, body: bytes) -> None:
    put(emulator, "box?restype=container")
    response = emulator.http.put(f"/{ACCOUNT}/box/x?comp=blocklist", content=body)
    assert error(response) == (400, "InvalidXmlDocument")


def test_faults_speak_as_storage_does(emulator: Emulator) -> None:
    put(emulator, "box?restype=container")
    emulator.faults(throttle="first:1,GET,/acct/")
    busy = emulator.http.get(f"/{ACCOUNT}/box/x")
    assert error(busy) == (503, "ServerBusy")
    assert busy.headers["Retry-After"] == "1"


def test_paths_of_other_apis_are_not_accounts(emulator: Emulator) -> None:
    for path in ("/nowhere/at/all", "/subscriptions/x/y/z", "/workspaces/x/y"):
        response = emulator.http.get(path)
        assert response.status_code == 404
        assert "NotFound" in response.json()["error"]["code"]


# Bytes


def test_names_keep_every_slash(emulator: Emulator, service: BlobServiceClient) -> None:
    box = service.create_container("box")
    for name in ("a//b", "a/b", "trailing/"):
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02"}
        response = emulator.http.put(f"/{ACCOUNT}/box/{name}", content=name.encode(), headers=headers)
        assert response.status_code == 201
    assert [blob.name for blob in box.list_blobs()] == ["a//b", "a/b", "trailing/"]
    assert emulator.http.get(f"/{ACCOUNT}/box/a//b").content == b"a//b"


def test_bytes_that_nobody_needs_are_gone(emulator: Emulator, service: BlobServiceClient) -> None:
    box = service.create_container("box")
    blob = box.upload_blob("x", b"one")
    for number in range(5):
        blob.upload_blob(b"%d" % number, overwrite=True)
    blob.stage_block("b1", b"never committed")
    box.upload_blob("y", b"y")
    box.delete_blob("y")
    service.delete_container("box")
    service.create_container("next").upload_blob("z", b"the last file")
    assert [path.read_bytes() for path in files(emulator)] == [b"the last file"]
    emulator.control("POST", "reset")
    assert files(emulator) == []


def test_an_upload_that_breaks_off_leaves_nothing(emulator: Emulator, service: BlobServiceClient) -> None:
    box = service.create_container("box")
    box.upload_blob("kept", b"before")
    where = urlsplit(emulator.url)
    for name in ("broken", "kept"):
        with socket.create_connection((where.hostname, where.port)) as wire:
            head = (
                f"PUT /{ACCOUNT}/box/{name} HTTP/1.1\r\nHost: {where.netloc}\r\nx-ms-blob-type: BlockBlob\r\n"
                f"x-ms-version: 2021-12-02\r\nAuthorization: Bearer {emulator.ready['token']}\r\n"
                "Content-Length: 1000000\r\n\r\n"
            )
            wire.sendall(head.encode() + b"x" * 400_000)
    assert [(blob.name, blob.size) for blob in box.list_blobs()] == [("kept", 6)]
    assert box.download_blob("kept").readall() == b"before"


def peak(emulator: Emulator) -> int:
    """The most memory that the server ever had, in MiB."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("size", [64, pytest.param(300, marks=pytest.mark.slow)])
def test_large_blobs_go_through_files_and_not_through_memory(tmp_path: Path, size: int) -> None:
    file = tmp_path / "large"
    digest = hashlib.md5()
    with file.open("wb") as out:
        for _ in range(size):
            chunk = os.urandom(1024 * 1024)
            digest.update(chunk)
            out.write(chunk)
    with running(tmp_path / "state") as emulator, client(emulator, max_single_put_size=8 * 1024 * 1024) as service:
        box = service.create_container("box")
        box.upload_blob("warm", b"x" * 1024)
        before = peak(emulator)
        with file.open("rb") as data:
            box.upload_blob("blocks", data, max_concurrency=2)
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02"}
        with file.open("rb") as data:
            put = emulator.http.put(f"/{ACCOUNT}/box/whole", content=data, headers=headers)
        assert put.status_code == 201, put.text
        for name in ("blocks", "whole"):
            back = hashlib.md5()
            with emulator.http.stream("GET", f"/{ACCOUNT}/box/{name}") as response:
                for piece in response.iter_bytes():
                    back.update(piece)
            assert back.digest() == digest.digest()
        assert peak(emulator) - before < 24


# Seeds

SEED = """
blobs:
  - {path: acct/box/file.txt, file: data/file.txt, metadata: {origin: seed}}
  - path: https://acct.blob.core.windows.net/open/rental{item}.csv
    forEach: {range: ["08", "12"]}
    public: blob
    generate: {bikeRental: {location: "{item}", days: 30}}
  - path: acct/box/model.ilearner
    generate: {baselineModel: {data: {census: {seed: "7", rows: 50}}, label: income}}
"""


def seed(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "file.txt").write_text("from a file")
    (folder / "seed.yaml").write_text(text)
    return folder


def test_a_seed_brings_files_and_makes_the_rest_on_demand(emulator: Emulator, tmp_path: Path) -> None:
    loaded = emulator.seed(seed(tmp_path / "seed", SEED))["seeds"][0]
    assert len(loaded["new"]["blobs"]) == 3
    assert [path.read_text() for path in files(emulator)] == ["from a file"]
    first = emulator.bare.get(f"/{ACCOUNT}/open/rental08.csv")
    assert first.status_code == 200
    assert first.headers["content-type"] == "text/csv"
    assert len(first.text.splitlines()) == 31
    assert first.text != emulator.bare.get(f"/{ACCOUNT}/open/rental12.csv").text
    assert emulator.bare.get(f"/{ACCOUNT}/open/rental13.csv").status_code == 404
    assert len(files(emulator)) == 3
    assert emulator.bare.get(f"/{ACCOUNT}/box/file.txt").status_code == 403
    model = emulator.http.head(f"/{ACCOUNT}/box/model.ilearner")
    assert model.headers["x-ms-meta-retrainctl-format"] == "onnx"
    assert emulator.http.head(f"/{ACCOUNT}/box/file.txt").headers["x-ms-meta-origin"] == "seed"
    with client(emulator) as service:
        listed = {blob.name: blob.size for blob in service.get_container_client("open").list_blobs()}
    assert list(listed) == [f"rental{number:02d}.csv" for number in range(8, 13)]
    assert listed["rental08.csv"] == len(first.content)
    assert emulator.control("GET", "status")["resources"]["blobs"] == 7
    emulator.http.put(
        f"/{ACCOUNT}/box/file.txt", content=b"mine now", headers={"x-ms-blob-type": "BlockBlob", "x-ms-version": "1"}
    )
    again = emulator.seed(tmp_path / "seed")["seeds"][0]
    assert again["new"]["blobs"] == []
    assert emulator.http.get(f"/{ACCOUNT}/box/file.txt").text == "mine now"
    emulator.control("POST", "reset")
    emulator.seed(tmp_path / "seed")
    assert emulator.bare.get(f"/{ACCOUNT}/open/rental08.csv").text == first.text


@pytest.mark.parametrize(
    ("item", "line", "why"),
    [
        ("{path: acct/box/x}", 2, "either a file or a generate"),
        ("{path: acct/box/x, file: data/file.txt, generate: {census: {}}}", 2, "either a file or a generate"),
        ("{path: nowhere, file: data/file.txt}", 2, "is no blob"),
        ("{path: acct/box/x, file: data/gone.txt}", 2, "no file data/gone.txt"),
        ("{path: acct/box/x, file: ../../x}", 2, "outside the seed folder"),
        ("{path: acct/box/x, generate: {cats: {}}}", 2, "no generator cats"),
        ("{path: acct/box/x, generate: {census: {row: 5}}}", 2, "no argument row"),
        ("{path: acct/box/x, generate: {census: {rows: 0}}}", 2, "a number from 1"),
        ("{path: acct/box/x, generate: {bikeRental: {}}}", 2, "needs a location"),
        ("{path: acct/box/x, generate: {baselineModel: {data: {census: {}}}}}", 2, "needs a label"),
        ("{path: 'acct/box/{item}', forEach: {range: [5, 1]}, generate: {census: {}}}", 2, "from low to high"),
        ("{path: acct/box/x, public: all, generate: {census: {}}}", 2, "public is"),
        ("{path: acct/box/x, generate: {census: {}}, odd: 1}", 2, "no member odd"),
    ],
)
def test_a_wrong_seed_names_the_place(emulator: Emulator, tmp_path: Path, item: str, line: int, why: str) -> None:
    folder = seed(tmp_path / "seed", f"blobs:\n  - {item}\n")
    headers = {"x-emulator-token": emulator.ready["control"]}
    response = emulator.bare.post("/_emulator/seed", json={"paths": [str(folder)]}, headers=headers)
    assert response.status_code == 400
    (finding,) = response.json()["error"]["diagnostics"]
    assert why in finding["message"]
    assert finding["line"] == line
    assert emulator.http.get(f"/{ACCOUNT}/box/x").status_code == 404


def test_blobs_outlive_the_process(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulator, client(emulator) as service:
        service.create_container("box").upload_blob("x", b"stays", metadata={"a": "b"})
        (emulator.state / "blobs" / "drafts" / "left-over").write_bytes(b"an upload that a crash cut off")
    with running(tmp_path / "state") as emulator, client(emulator) as service:
        assert service.get_blob_client("box", "x").download_blob().readall() == b"stays"
        assert [path.read_bytes() for path in files(emulator)] == [b"stays"]
