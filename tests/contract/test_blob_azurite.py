"""The emulator's Blob service against Azurite: one suite, through an unmodified `azure-storage-blob`, on both."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ContentSettings,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from retrainctl.emulator.identity import account_key
from tests.support import azurite, emulator_process


@dataclass(frozen=True)
class Store:
    """A blob service to test: where, which account, which key."""

    endpoint: str
    account: str
    key: str

    def client(self, credential: Any = None) -> BlobServiceClient:
        given = {"account_name": self.account, "account_key": self.key} if credential is None else credential
        return BlobServiceClient(self.endpoint, credential=given, retry_total=0)


@pytest.fixture(scope="module", params=["emulator", "azurite"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "azurite":
        with azurite.running() as one:
            yield Store(one.endpoint, one.account, one.key)
        return
    with emulator_process.running(tmp_path_factory.mktemp("blobs") / "state") as emulator:
        yield Store(f"{emulator.url}/acct", "acct", account_key("acct"))


@pytest.fixture
def service(store: Store) -> Iterator[BlobServiceClient]:
    with store.client() as client:
        yield client


@pytest.fixture
def container(service: BlobServiceClient) -> ContainerClient:
    return service.create_container(f"box-{uuid4().hex[:12]}")


def soon(minutes: float = 10) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def refused(error: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None]:
    code = getattr(error.value, "error_code", None)
    return error.value.status_code, None if code is None else str(getattr(code, "value", code))


def test_a_blob_comes_back_as_it_was_put(container: ContainerClient) -> None:
    data = os.urandom(100_000)
    blob = container.upload_blob(
        "models/a b+c%/ü.ilearner",
        data,
        metadata={"origin": "test"},
        content_settings=ContentSettings(content_type="text/x-odd", content_language="de"),
    )
    download = blob.download_blob()
    assert download.readall() == data
    assert download.properties.metadata == {"origin": "test"}
    properties = blob.get_blob_properties()
    assert properties.size == len(data)
    assert properties.content_settings.content_type == "text/x-odd"
    assert properties.content_settings.content_language == "de"
    assert bytes(properties.content_settings.content_md5 or b"") == hashlib.md5(data).digest()
    assert properties.blob_type == "BlockBlob"
    assert properties.etag == download.properties.etag
    assert (datetime.now(UTC) - properties.last_modified).total_seconds() < 60


def test_a_large_blob_goes_up_in_blocks_and_comes_down_in_ranges(store: Store, container: ContainerClient) -> None:
    data = os.urandom(5_300_000)
    with ContainerClient(
        store.endpoint,
        container.container_name,
        credential={"account_name": store.account, "account_key": store.key},
        max_single_put_size=1024 * 1024,
        max_block_size=1024 * 1024,
        max_single_get_size=1024 * 1024,
        max_chunk_get_size=700_001,
    ) as small:
        blob = small.get_blob_client("big")
        blob.upload_blob(data, max_concurrency=3)
        assert blob.download_blob(max_concurrency=3).readall() == data
        committed, uncommitted = blob.get_block_list("all")
        assert len(committed) == 6
        assert sum(block.size for block in committed) == len(data)
        assert uncommitted == []
        assert blob.download_blob(offset=1_048_570, length=20).readall() == data[1_048_570:1_048_590]
        assert blob.download_blob(offset=5_299_990).readall() == data[5_299_990:]


def test_blocks_are_nothing_until_they_are_committed(container: ContainerClient) -> None:
    blob = container.get_blob_client("slow")
    blob.stage_block("b1", b"one ")
    blob.stage_block("b2", b"two ")
    assert blob.exists() is False
    with pytest.raises(HttpResponseError) as error:
        blob.commit_block_list([BlobBlock("b1"), BlobBlock("zz")])
    assert refused(error) == (400, "InvalidBlockList")
    blob.commit_block_list([BlobBlock("b2"), BlobBlock("b1"), BlobBlock("b2")])
    assert blob.download_blob().readall() == b"two one two "
    blob.stage_block("b3", b"three")
    committed, uncommitted = blob.get_block_list("all")
    assert [b.id for b in committed] == ["b2", "b1", "b2"]
    assert [(b.id, b.size) for b in uncommitted] == [("b3", 5)]
    blob.commit_block_list([BlobBlock("b1"), BlobBlock("b3")])
    assert blob.download_blob().readall() == b"one three"


def test_an_empty_blob_has_no_range(container: ContainerClient) -> None:
    blob = container.upload_blob("empty", b"")
    assert blob.download_blob().readall() == b""
    full = container.upload_blob("full", b"0123456789")
    with pytest.raises(HttpResponseError) as error:
        full.download_blob(offset=50, length=5).readall()
    assert refused(error) == (416, "InvalidRange")


def test_what_does_not_exist_is_not_found(service: BlobServiceClient, container: ContainerClient) -> None:
    with pytest.raises(ResourceNotFoundError) as error:
        container.get_blob_client("none").download_blob()
    assert refused(error) == (404, "BlobNotFound")
    assert container.get_blob_client("none").exists() is False
    with pytest.raises(ResourceNotFoundError) as error:
        service.get_blob_client("no-such-box", "none").upload_blob(b"x")
    assert refused(error) == (404, "ContainerNotFound")
    with pytest.raises(ResourceNotFoundError):
        container.delete_blob("none")


def test_a_second_container_of_the_same_name_is_refused(service: BlobServiceClient, container: ContainerClient) -> None:
    with pytest.raises(ResourceExistsError) as error:
        service.create_container(container.container_name)
    assert refused(error) == (409, "ContainerAlreadyExists")


def test_a_blob_is_not_overwritten_unless_asked(container: ContainerClient) -> None:
    blob = container.upload_blob("once", b"first")
    with pytest.raises(ResourceExistsError) as error:
        blob.upload_blob(b"second")
    assert refused(error) == (409, "BlobAlreadyExists")
    first = blob.get_blob_properties()
    blob.upload_blob(b"second", overwrite=True)
    second = blob.get_blob_properties()
    assert blob.download_blob().readall() == b"second"
    assert first.etag != second.etag


def test_an_old_etag_does_not_write(container: ContainerClient) -> None:
    blob = container.upload_blob("guarded", b"first")
    etag = blob.get_blob_properties().etag
    blob.upload_blob(b"second", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError) as error:
        blob.upload_blob(b"third", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    assert refused(error) == (412, "ConditionNotMet")
    with pytest.raises(ResourceModifiedError):
        blob.download_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
    current = blob.get_blob_properties().etag
    with pytest.raises(HttpResponseError) as unchanged:
        blob.download_blob(etag=current, match_condition=MatchConditions.IfModified)
    assert unchanged.value.status_code == 304
    assert blob.download_blob().readall() == b"second"


def test_damage_on_the_way_is_noticed(container: ContainerClient) -> None:
    blob = container.get_blob_client("checked")
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    with pytest.raises(HttpResponseError) as error:
        blob.upload_blob(b"data", headers={"Content-MD5": wrong})
    assert error.value.status_code == 400  # the service documents Md5Mismatch, Azurite says InvalidOperation
    assert blob.exists() is False


def test_lists_are_in_order_and_in_pages(container: ContainerClient) -> None:
    names = [f"d/{number:02d}.csv" for number in range(7)] + ["e/f/g.csv", "z & <y>.csv"]
    for name in reversed(names):
        container.upload_blob(name, name.encode(), metadata={"n": name[:1]})
    pages = [[blob.name for blob in page] for page in container.list_blobs(results_per_page=4).by_page()]
    assert [len(page) for page in pages] == [4, 4, 1]
    assert [name for page in pages for name in page] == names
    assert [blob.name for blob in container.list_blobs(name_starts_with="d/0", include=["metadata"])] == names[:7]
    found = {blob.name: blob for blob in container.list_blobs(include=["metadata"])}
    assert found["z & <y>.csv"].size == len("z & <y>.csv")
    assert found["e/f/g.csv"].metadata == {"n": "e"}
    assert [item.name for item in container.walk_blobs(delimiter="/")] == ["d/", "e/", "z & <y>.csv"]
    assert [item.name for item in container.walk_blobs("e/", delimiter="/")] == ["e/f/"]


def test_containers_are_listed_and_deleted(service: BlobServiceClient) -> None:
    mark = f"list-{uuid4().hex[:8]}"
    for number in range(5):
        service.create_container(f"{mark}-{number}", metadata={"number": str(number)})
    pages = service.list_containers(mark, include_metadata=True, results_per_page=2).by_page()
    found = [item for page in pages for item in page]
    assert [item.name for item in found] == [f"{mark}-{number}" for number in range(5)]
    assert found[3].metadata == {"number": "3"}
    box = service.get_container_client(f"{mark}-0")
    box.upload_blob("inside", b"x")
    assert box.get_container_properties().metadata == {"number": "0"}
    service.delete_container(f"{mark}-0")
    assert box.exists() is False
    with pytest.raises(ResourceNotFoundError):
        box.get_blob_client("inside").download_blob()


def test_metadata_and_headers_change_without_the_bytes(container: ContainerClient) -> None:
    blob = container.upload_blob("tagged", b"bytes", metadata={"a": "1"})
    before = blob.get_blob_properties()
    blob.set_blob_metadata({"b": "2"})
    blob.set_http_headers(ContentSettings(content_type="text/csv"))
    after = blob.get_blob_properties()
    assert after.metadata == {"b": "2"}
    assert after.content_settings.content_type == "text/csv"
    assert after.etag != before.etag
    assert blob.download_blob().readall() == b"bytes"


def test_a_blob_signature_reads_that_blob_and_nothing_else(store: Store, container: ContainerClient) -> None:
    blob = container.upload_blob("signed/one", b"for you")
    container.upload_blob("signed/two", b"not for you")
    sas = generate_blob_sas(
        store.account,
        container.container_name,
        "signed/one",
        account_key=store.key,
        permission=BlobSasPermissions(read=True),
        expiry=soon(),
        start=soon(-10),
        content_type="text/plain",
    )
    with store.client(sas) as guest:
        mine = guest.get_blob_client(container.container_name, "signed/one")
        download = mine.download_blob()
        assert download.readall() == b"for you"
        assert download.properties.content_settings.content_type == "text/plain"
        with pytest.raises(HttpResponseError) as error:
            guest.get_blob_client(container.container_name, "signed/two").download_blob()
        assert error.value.status_code == 403  # the service says AuthenticationFailed, Azurite AuthorizationFailure
        with pytest.raises(HttpResponseError) as error:
            mine.upload_blob(b"mine", overwrite=True)
        assert refused(error) == (403, "AuthorizationPermissionMismatch")
    assert blob.download_blob().readall() == b"for you"


def test_a_container_signature_lists_and_writes(store: Store, container: ContainerClient) -> None:
    sas = generate_container_sas(
        store.account,
        container.container_name,
        account_key=store.key,
        permission=ContainerSasPermissions(read=True, list=True, write=True),
        expiry=soon(),
    )
    with store.client(sas) as guest:
        box = guest.get_container_client(container.container_name)
        box.upload_blob("new", b"made by a guest")
        assert [blob.name for blob in box.list_blobs()] == ["new"]
        assert box.get_blob_client("new").download_blob().readall() == b"made by a guest"
        with pytest.raises(HttpResponseError) as error:
            box.delete_blob("new")
        assert refused(error) == (403, "AuthorizationPermissionMismatch")


def test_a_creating_signature_does_not_overwrite(store: Store, container: ContainerClient) -> None:
    sas = generate_container_sas(
        store.account, container.container_name, account_key=store.key, permission="c", expiry=soon()
    )
    with store.client(sas) as guest:
        blob = guest.get_blob_client(container.container_name, "fresh")
        blob.upload_blob(b"one")
        with pytest.raises(HttpResponseError) as error:
            blob.upload_blob(b"two", overwrite=True)
        assert error.value.status_code == 403
    assert container.download_blob("fresh").readall() == b"one"


def test_an_account_signature_works(store: Store, container: ContainerClient) -> None:
    sas = generate_account_sas(
        store.account, store.key, resource_types="sco", permission="rwlc", expiry=soon(), start=soon(-5)
    )
    with store.client(sas) as guest:
        guest.get_blob_client(container.container_name, "by-account").upload_blob(b"x")
        assert container.container_name in [item.name for item in guest.list_containers()]


@pytest.mark.parametrize("harm", ["expired", "early", "tampered", "none", "wrong key"])
def test_bad_credentials_are_refused(store: Store, container: ContainerClient, harm: str) -> None:
    container.upload_blob("secret", b"secret")
    times = {"expired": (soon(-20), soon(-10)), "early": (soon(5), soon(10))}.get(harm, (soon(-5), soon(5)))
    sas = generate_blob_sas(
        store.account,
        container.container_name,
        "secret",
        account_key=store.key,
        permission="r",
        start=times[0],
        expiry=times[1],
    )
    if harm == "tampered":
        sas = sas.replace("sp=r", "sp=rw")
    wrong = {"account_name": store.account, "account_key": base64.b64encode(b"wrong").decode()}
    with (
        BlobServiceClient(store.endpoint, retry_total=0)
        if harm == "none"
        else store.client(wrong if harm == "wrong key" else sas) as guest,
        pytest.raises(HttpResponseError) as error,
    ):
        guest.get_blob_client(container.container_name, "secret").download_blob()
    assert error.value.status_code == 403


def test_a_public_container_is_read_by_anybody(store: Store, service: BlobServiceClient) -> None:
    box = service.create_container(f"open-{uuid4().hex[:8]}", public_access="blob")
    box.upload_blob("data.csv", b"a,b\n1,2\n")
    with BlobServiceClient(store.endpoint, retry_total=0) as nobody:
        guest = nobody.get_container_client(box.container_name)
        assert guest.get_blob_client("data.csv").download_blob().readall() == b"a,b\n1,2\n"
        with pytest.raises(HttpResponseError):
            guest.upload_blob("more.csv", b"x")
        with pytest.raises(HttpResponseError):
            list(guest.list_blobs())


def test_a_file_is_uploaded_from_disk(container: ContainerClient, tmp_path: Path) -> None:
    file = tmp_path / "model.ilearner"
    file.write_bytes(os.urandom(3_000_000))
    with file.open("rb") as data:
        blob = container.upload_blob("m", data)
    target = tmp_path / "back"
    with target.open("wb") as out:
        blob.download_blob().readinto(out)
    assert target.read_bytes() == file.read_bytes()
