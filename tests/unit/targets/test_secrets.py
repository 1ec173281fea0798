"""Secret references: resolved late and once, taught to the redactor, and with a next step when they do not resolve."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrainctl.model.redaction import Redactor
from retrainctl.model.values import SecretRef
from retrainctl.ports import SecretUnavailable
from retrainctl.wiring.secrets import BuiltInSecrets, Secrets
from tests.support.wire import Reply, arm_error, auth, wire

VAULT = "https://kv-1.vault.azure.net"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "key.txt").write_text("file-canary\n")
    (tmp_path / "outside.txt").write_text("outside-canary")
    return project


def secrets(root: Path, environ=None, vault=None, **more) -> tuple[Secrets, Redactor]:
    redactor = Redactor()
    made = Secrets(environ=environ or {}, roots=[root, *more.get("roots", ())], redactor=redactor, vault=vault)
    return made, redactor


def refused(made: Secrets, reference: SecretRef) -> SecretUnavailable:
    with pytest.raises(SecretUnavailable) as caught:
        made.resolve(reference)
    assert caught.value.code == "RC307"
    assert caught.value.hint
    return caught.value


def test_a_variable_a_file_and_what_the_redactor_then_hides(root: Path) -> None:
    made, redactor = secrets(root, {"KEY": "env-canary"})
    assert made.resolve(SecretRef("env", "KEY")).reveal() == "env-canary"
    assert made.resolve(SecretRef("file", "key.txt")).reveal() == "file-canary"
    assert redactor.clean("env-canary file-canary") == "(sensitive) (sensitive)"


@pytest.mark.parametrize(("environ", "word"), [({}, "not set"), ({"KEY": ""}, "empty")])
def test_a_variable_that_is_not_there(root: Path, environ, word: str) -> None:
    error = refused(secrets(root, environ)[0], SecretRef("env", "KEY"))
    assert "KEY" in error.message
    assert word in error.message


def test_files_stay_inside_the_project(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "outside.txt")
    made, _ = secrets(root)
    for name in ("../outside.txt", str(tmp_path / "outside.txt"), "link"):
        assert "outside" in refused(made, SecretRef("file", name)).message


def test_the_machines_owner_may_allow_another_folder(root: Path, tmp_path: Path) -> None:
    made, _ = secrets(root, roots=[tmp_path])
    assert made.resolve(SecretRef("file", str(tmp_path / "outside.txt"))).reveal() == "outside-canary"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"\n", "empty"),
        (b"\xff\xfe\xff", "not text"),
        (b"x" * 70_000, "larger"),
    ],
)
def test_files_that_hold_no_secret(root: Path, content, word: str) -> None:
    if content is not None:
        (root / "bad").write_bytes(content)
    assert word in refused(secrets(root)[0], SecretRef("file", "bad")).message


def test_a_folder_is_no_secret(root: Path) -> None:
    assert refused(secrets(root)[0], SecretRef("file", "."))


@pytest.mark.parametrize("vault", ["kv-1", VAULT, f"{VAULT}/"])
def test_a_key_vault_is_one_get_and_asked_once(root: Path, vault: str) -> None:
    line = wire([Reply(200, {"value": "vault-canary"})], suffixes=(".vault.azure.net",))
    made, redactor = secrets(root, vault=lambda: (line.pipeline, auth(), ".vault.azure.net"))
    for _ in range(2):
        assert made.resolve(SecretRef("keyVault", vault, "storage-key")).reveal() == "vault-canary"
    assert [call.url for call in line.calls] == [f"{VAULT}/secrets/storage-key?api-version=7.4"]
    assert "canary" not in redactor.clean("vault-canary")


@pytest.mark.parametrize(
    "vault",
    [
        "https://evil.example",
        "https://kv-1.vault.azure.net.evil.example",
        "http://kv-1.vault.azure.net",
        "a/../b",
        "kv-1.evil.example",
        "https://u@kv-1.vault.azure.net",
    ],
)
def test_the_token_goes_to_no_host_that_is_no_key_vault(root: Path, vault: str) -> None:
    line = wire([], suffixes=(".vault.azure.net",))
    made, _ = secrets(root, vault=lambda: (line.pipeline, auth(), ".vault.azure.net"))
    refused(made, SecretRef("keyVault", vault, "key"))
    assert line.calls == []


@pytest.mark.parametrize("item", ["", "../x", "a b", "a/b", "x?y"])
def test_names_that_are_no_secrets(root: Path, item: str) -> None:
    line = wire([], suffixes=(".vault.azure.net",))
    refused(
        secrets(root, vault=lambda: (line.pipeline, auth(), ".vault.azure.net"))[0], SecretRef("keyVault", "kv-1", item)
    )


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(404, arm_error("SecretNotFound", "x")), "name of the secret"),
        (Reply(403, arm_error("Forbidden", "x")), "Key Vault Secrets User"),
        (Reply(401, arm_error("Unauthorized", "x")), "az login"),
        (Reply(200, {"value": ""}), "value"),
        (Reply(200, b"<html>"), "proxy"),
    ],
)
def test_a_vault_that_does_not_give_it(root: Path, reply: Reply, word: str) -> None:
    line = wire([reply], suffixes=(".vault.azure.net",))
    made, _ = secrets(root, vault=lambda: (line.pipeline, auth(), ".vault.azure.net"))
    error = refused(made, SecretRef("keyVault", "kv-1", "key"))
    assert word in f"{error.hint}"


def test_without_access_to_vaults_or_from_anywhere_else(root: Path) -> None:
    made, _ = secrets(root)
    assert "cannot be asked" in refused(made, SecretRef("keyVault", "kv-1", "key")).message
    assert "vault9" in refused(made, SecretRef("vault9", "x")).message


def test_the_emulators_secrets_are_made_up_stable_and_all_different() -> None:
    made = BuiltInSecrets()
    one, other = SecretRef("env", "A"), SecretRef("env", "B")
    assert made.resolve(one) == made.resolve(one)
    assert made.resolve(one) != made.resolve(other)
    assert "A" not in repr(made.resolve(one))
