"""The blob store over azure-storage-blob, against the emulator and, where it is there, Azurite."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from retrainctl.emulator.identity import account_key
from retrainctl.model.values import Secret
from retrainctl.ports import AuthFailed, Conflict, NotFound, Rejected, Unavailable
from retrainctl.targets.azure.credentials import SharedTokens
from retrainctl.targets.blob.access import Access
from retrainctl.targets.blob.place import blob_uri, place_of
from retrainctl.targets.blob.store import PIECE, AzureBlobStore
from retrainctl.wiring.clock import SystemClock
from retrainctl.wiring.connect import emulator_account_key
from tests.support import azurite, emulator_process

QUICK = {"retry_total": 0}


@dataclass(frozen=True)
class Service:
    """A running blob service: the account's endpoint and key, and the URI that means a blob of it."""

    endpoint: str
    account: str
    key: str
    emulator: emulator_process.Emulator | None = None

    def uri(self, name: str = "model.ilearner", container: str = "models") -> str:
        return f"https://{self.account}.blob.core.windows.net/{container}/{uuid4().hex}/{name}"

    def store(self, credential: str | None = None, **more) -> AzureBlobStore:
        given = {"makes_containers": True, "direct": True, **more}
        access = Access(endpoint=self.endpoint, credential=Secret(credential or self.key), **given)
        return AzureBlobStore(lambda account: access, patience=QUICK)

    def sas(self, permission: str, ends: datetime) -> str:
        from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

        token: str = generate_account_sas(
            self.account,
            self.key,
            ResourceTypes(object=True, container=True),
            AccountSasPermissions.from_string(permission),
            ends,
        )
        return token


@pytest.fixture(scope="module", params=["emulator", "azurite"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if request.param == "azurite":
        with azurite.running() as one:
            yield Service(one.endpoint, one.account, one.key)
        return
    with emulator_process.running(tmp_path_factory.mktemp("blobs") / "state") as emulator:
        yield Service(f"{emulator.url}/acct", "acct", emulator_account_key("acct"), emulator)


@pytest.fixture
def store(service: Service) -> Iterator[AzureBlobStore]:
    one = service.store()
    yield one
    one.close()


def put(store: AzureBlobStore, uri: str, data: bytes, **metadata: str):
    return store.create(uri, io.BytesIO(data), len(data), metadata=metadata)


def test_a_blob_is_written_once_and_read_back(service: Service, store: AzureBlobStore):
    uri, data = service.uri("a b/größe#1.ilearner".replace("#", "%23")), os.urandom(1000)
    made = put(store, uri, data, sha256="ff")
    facts = store.facts(uri)
    assert (facts.size, facts.etag, facts.metadata["sha256"]) == (1000, made.etag, "ff")
    assert b"".join(store.read(uri)) == data
    with pytest.raises(Conflict, match="there already") as taken:
        put(store, uri, b"other")
    assert taken.value.code == "RC657"
    assert b"".join(store.read(uri, etag=facts.etag)) == data


def test_a_blob_of_many_blocks_comes_back_whole_in_pieces(service: Service, store: AzureBlobStore):
    uri, data = service.uri(), os.urandom(2 * PIECE + 17)
    put(store, uri, data)
    pieces = list(store.read(uri))
    assert len(pieces) == 3
    assert hashlib.sha256(b"".join(pieces)).digest() == hashlib.sha256(data).digest()


def test_a_blob_that_changes_is_not_read_on(service: Service, store: AzureBlobStore):
    uri = service.uri()
    old = put(store, uri, b"old").etag
    store.remove(uri, etag=old or "")
    put(store, uri, b"new")
    with pytest.raises(Conflict, match="not as it was"):
        list(store.read(uri, etag=old))
    store.remove(uri, etag=old or "")
    assert b"".join(store.read(uri)) == b"new"


def test_what_is_missing_is_named(service: Service, store: AzureBlobStore):
    put(store, service.uri(), b"x")  # the container is there now
    for call in (store.facts, lambda uri: list(store.read(uri))):
        with pytest.raises(NotFound) as missing:
            call(service.uri("gone.ilearner"))
        assert missing.value.code == "RC653"
        assert "gone.ilearner" in missing.value.message
    store.remove(service.uri("gone.ilearner"), etag='"0x1"')
    with pytest.raises(NotFound, match="no container nonesuch") as missing:
        store.facts(service.uri(container="nonesuch"))
    assert "az storage container create --name nonesuch" in (missing.value.hint or "")


def test_a_container_is_made_only_where_that_is_allowed(service: Service):
    store = service.store(makes_containers=False)
    with pytest.raises(NotFound) as missing:
        put(store, service.uri(container=f"c{uuid4().hex}"), b"x")
    assert missing.value.code == "RC663"
    store.close()


def test_a_wrong_key_is_refused_and_shown_nowhere(service: Service):
    key = "Y2FuYXJ5LWtleS1jYW5hcnkta2V5"
    store = service.store(key)
    with pytest.raises(AuthFailed) as refused:
        store.facts(service.uri())
    assert refused.value.code == "RC654"
    assert key not in f"{refused.value.message}{refused.value.hint}{store!r}"
    store.close()


def test_a_secret_that_is_no_key_says_so_before_anything_is_sent():
    store = AzureBlobStore(lambda account: Access(endpoint="https://x.example", credential=Secret("canary canary!")))
    with pytest.raises(AuthFailed) as refused:
        store.facts("https://acct.blob.core.windows.net/models/b")
    assert (refused.value.code, refused.value.sent) == ("RC666", False)
    assert "canary" not in f"{refused.value.message}{refused.value.hint}"


def test_a_connection_string_is_a_credential_too(service: Service):
    store = service.store(f"DefaultEndpointsProtocol=https;AccountName={service.account};AccountKey={service.key}")
    uri = service.uri()
    put(store, uri, b"x")
    assert store.facts(uri).size == 1
    store.close()


def test_a_signature_is_used_and_its_end_is_known(service: Service, store: AzureBlobStore):
    uri = service.uri()
    put(store, uri, b"signed")
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    token = service.sas("r", ends)
    signed = service.store(f"?{token}", makes_containers=False)
    assert b"".join(signed.read(uri)) == b"signed"
    assert signed.expires(uri) == ends
    assert store.expires(uri) is None
    with pytest.raises(AuthFailed) as refused:
        put(signed, service.uri(), b"not allowed")
    assert token not in refused.value.message
    # The blob's own signature goes before the account's credential.
    wrong = service.store("bm9ib2R5", makes_containers=False)
    assert b"".join(wrong.read(f"{uri}?{token}")) == b"signed"
    assert wrong.expires(f"{uri}?{token}") == ends
    for one in (signed, wrong):
        one.close()


def test_a_signature_that_has_ended_is_told_from_a_wrong_one(service: Service, store: AzureBlobStore):
    uri = service.uri()
    put(store, uri, b"x")
    token = service.sas("r", datetime.now(UTC) - timedelta(hours=1))
    late = service.store(token, makes_containers=False)
    with pytest.raises(AuthFailed, match="signature ended at") as refused:
        late.facts(uri)
    assert refused.value.code == "RC655"
    assert "sig=" not in refused.value.message
    late.close()


def test_a_lost_answer_does_not_write_twice(service: Service):
    if service.emulator is None:
        pytest.skip("only the emulator has faults to switch on")
    patience = {"initial_backoff": 0.01, "increment_base": 0.01, "random_jitter_range": 0}
    access = Access(endpoint=service.endpoint, credential=Secret(service.key), direct=True, makes_containers=True)
    store = AzureBlobStore(lambda account: access, patience=patience)
    put(store, service.uri(), b"x")
    uri = service.uri("lost.ilearner")
    service.emulator.faults(drop_after="first:1,PUT,lost.ilearner")
    with pytest.raises(Conflict):  # the second attempt meets what the first one wrote: the caller looks at it
        put(store, uri, b"written")
    assert b"".join(store.read(uri)) == b"written"
    service.emulator.faults(drop_before="first:1,PUT,again.ilearner")
    uri = service.uri("again.ilearner")
    put(store, uri, b"sent twice, arrived once")
    assert store.facts(uri).size == 24
    store.close()


def test_nobody_there_is_unavailable_and_not_sent():
    access = Access(endpoint="http://127.0.0.1:1/acct", credential=Secret("a2V5"), direct=True)
    store = AzureBlobStore(lambda account: access, patience=QUICK)
    with pytest.raises(Unavailable) as gone:
        store.facts("https://acct.blob.core.windows.net/models/b")
    assert (gone.value.code, gone.value.sent) == ("RC656", False)
    store.close()


def test_no_credential_goes_to_another_host():
    def access(account: str) -> Access:
        raise AssertionError("nobody may be asked for a credential")

    store = AzureBlobStore(access)
    for uri in (
        "https://evil.example/models/x.ilearner",
        "https://acct.blob.core.windows.net.evil.example/c/b",
        "https://acct.blob.core.windows.net:8443/c/b",
        "https://user@acct.blob.core.windows.net/c/b",
        "ftp://acct.blob.core.windows.net/c/b",
        "https://acct.blob.core.windows.net/",
    ):
        with pytest.raises(Rejected) as refused:
            store.facts(f"{uri}?sig=canary")
        assert (refused.value.code, refused.value.sent) == ("RC652", False)
        assert "canary" not in refused.value.message


def test_tokens_are_never_sent_in_clear():
    tokens = SharedTokens(SimpleNamespace(get_token_info=None), SystemClock())
    store = AzureBlobStore(lambda account: Access(endpoint="http://127.0.0.1:1/acct", credential=tokens, direct=True))
    with pytest.raises(AuthFailed, match="without encryption"):
        store.facts("https://acct.blob.core.windows.net/models/b")


def test_a_private_authority_is_trusted_when_it_is_named(tmp_path: Path):
    with emulator_process.running(tmp_path / "state", "--https") as emulator:
        for ca, works in ((Path(emulator.ready["ca"]), True), (None, False)):
            access = Access(
                endpoint=f"{emulator.url}/acct",
                credential=Secret(emulator_account_key("acct")),
                ca=ca,
                direct=True,
                makes_containers=True,
            )
            store = AzureBlobStore(lambda account, access=access: access, patience=QUICK)
            uri = "https://acct.blob.core.windows.net/models/x.ilearner"
            if works:
                put(store, uri, b"x")
            else:
                with pytest.raises(Unavailable):
                    store.facts(uri)
            store.close()


def test_the_emulators_keys_are_computed_alike():
    for account in ("acct", "plmlpoc1storage", "local"):
        assert emulator_account_key(account) == account_key(account)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://acct.blob.core.windows.net/c-1/a/b.ilearner", ("acct", "c-1", "a/b.ilearner", "")),
        ("http://ACCT.blob.core.windows.net/c-1/b%20c.ilearner", ("acct", "c-1", "b c.ilearner", "")),
        ("https://acct.blob.core.windows.net/c-1/b?sv=1&sig=x%3D", ("acct", "c-1", "b", "sv=1&sig=x%3D")),
        ("https://acct.blob.core.windows.net/root.ilearner", ("acct", "$root", "root.ilearner", "")),
        ("http://127.0.0.1:99/dev/c-1/b", ("dev", "c-1", "b", "")),
        ("https://acct.blob.core.chinacloudapi.cn/c-1/b", None),
        ("https://acct.blob.core.windows.net/c/b", None),
        ("models/x.ilearner", None),
        ("https://[", None),
    ],
)
def test_places(uri: str, expected: tuple[str, ...] | None):
    place = place_of(uri, endpoints={"dev": "http://127.0.0.1:99/dev"})
    if expected is None:
        assert place is None
        return
    assert place is not None
    assert (place.account, place.container, place.name, place.query) == expected


def test_a_name_survives_the_way_to_a_uri_and_back():
    for name in ("a b/ü.ilearner", "100%.ilearner", "a#b?c.ilearner", "x+y&z=1.ilearner"):
        place = place_of(blob_uri("https://acct.blob.core.windows.net", "models", name))
        assert place is not None
        assert (place.name, place.query) == (name, "")
