"""Secret references to secrets, as late as possible; whatever is resolved, the redactor learns."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from retrainctl.model.redaction import Redactor
from retrainctl.model.values import Secret, SecretRef
from retrainctl.patterns import late
from retrainctl.ports import NotFound, SecretUnavailable, TargetError

if TYPE_CHECKING:
    from retrainctl.targets.azure.credentials import Auth
    from retrainctl.targets.azure.pipeline import Pipeline

_LARGEST: Final = 64 * 1024
_VAULT_VERSION: Final = "7.4"
_VAULT_NAME: Final = late(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_SECRET_NAME: Final = late(r"[A-Za-z0-9-]{1,127}(?:/[0-9a-f]{32})?")

VaultAccess = Callable[[], "tuple[Pipeline, Auth, str]"]
"""Gives the pipeline, the credential and the host suffix of key vaults; called when the first vault is asked."""


class Secrets:
    """Resolves `env`, `file` and `keyVault` references (implements `ports.SecretResolver`). Thread-safe.

    environ: the environment variables. roots: folders that secret files may be in, the project's first; a relative
    path is relative to that one. Further roots are for the machine's owner to allow, never for a manifest.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        roots: Sequence[Path],
        redactor: Redactor,
        vault: VaultAccess | None = None,
    ) -> None:
        self._environ = environ
        self._roots = tuple(roots)
        self._redactor = redactor
        self._vault = vault
        self._lock = threading.Lock()
        self._known: dict[SecretRef, Secret] = {}

    def resolve(self, reference: SecretRef) -> Secret:
        """The secret; raises `SecretUnavailable` with the next step."""
        with self._lock:
            found = self._known.get(reference)
            if found is None:
                found = self._known[reference] = self._find(reference)
                self._redactor.learn(found)
        return found

    def _find(self, reference: SecretRef) -> Secret:
        match reference.source:
            case "env":
                return self._from_environment(reference.name)
            case "file":
                return self._from_file(reference.name)
            case "keyVault":
                return self._from_vault(reference.name, reference.item or "")
            case "generate":
                return generated()
            case _:
                raise SecretUnavailable(
                    f"{reference}: secrets come from env, file or keyVault, not from {reference.source}",
                    hint="Write `{env: NAME}`, `{file: PATH}` or `{keyVault: VAULT, secret: NAME}`.",
                )

    def _from_environment(self, name: str) -> Secret:
        value = self._environ.get(name)
        if not value:
            state = "is not set" if value is None else "is empty"
            raise SecretUnavailable(
                f"the environment variable {name} {state}", hint=f"Set {name} where retrainctl runs, then run again."
            )
        return Secret(value)

    def _from_file(self, name: str) -> Secret:
        path = (self._roots[0] / name).resolve()
        if not any(path.is_relative_to(root.resolve()) for root in self._roots):
            raise SecretUnavailable(
                f"the secret file {name} is outside the project folder",
                hint="Put it inside the project (and into .gitignore), or use a variable.",
            )
        try:
            if not path.is_file():
                raise FileNotFoundError(2, "there is no such file")
            data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SecretUnavailable(
                f"the secret file {name} is not text", hint="Store the secret as UTF-8 text."
            ) from None
        except OSError as error:
            raise SecretUnavailable(
                f"the secret file {name} cannot be read: {error.strerror}", hint="Create it, or check its permissions."
            ) from error
        value = text.rstrip("\r\n")
        if not value:
            raise SecretUnavailable(
                f"the secret file {name} is empty, or larger than 64 KiB", hint="It holds the secret and nothing else."
            )
        return Secret(value)

    def _from_vault(self, vault: str, item: str) -> Secret:
        if self._vault is None:
            raise SecretUnavailable(f"the key vault {vault} cannot be asked here", hint="Use env or file.")
        pipeline, auth, suffix = self._vault()
        url = f"{_vault_base(vault, suffix)}/secrets/{quote(_item(vault, item))}?api-version={_VAULT_VERSION}"
        try:
            answer = pipeline.call("GET", url, what=f'read secret "{item}" of key vault {vault}', auth=auth)
            value = answer.object().get("value")
        except TargetError as error:
            hint = error.hint
            if isinstance(error, NotFound):
                hint = "Check the name of the secret."
            elif error.status == 403:
                hint = "Ask for the role Key Vault Secrets User, or a get permission on secrets."
            raise SecretUnavailable(error.message, hint=hint) from error
        if not isinstance(value, str) or not value:
            raise SecretUnavailable(f'secret "{item}" of key vault {vault} has no value', hint="Set its value.")
        return Secret(value)


class BuiltInSecrets:
    """For an emulator environment: references are not resolved, each one stands for a made-up value of its own.

    A generated one is new every time there too: who rotates a key wants to see the old one refused.
    """

    def resolve(self, reference: SecretRef) -> Secret:
        if reference.source == "generate":
            return generated()
        digest = hashlib.sha256(f"retrainctl emulator {reference}".encode()).digest()
        return Secret(base64.b64encode(digest + digest).decode())


def generated() -> Secret:
    """A new secret, 64 random bytes as base64: what the keys that the service itself makes look like."""
    return Secret(base64.b64encode(os.urandom(64)).decode())


def _vault_base(vault: str, suffix: str) -> str:
    """`https://NAME.vault.azure.net` of a vault's name or address; any other host is refused."""
    parts = urlsplit(vault)
    name = vault if "://" not in vault else (parts.hostname or "").removesuffix(suffix)
    plain = "://" not in vault or vault.rstrip("/") == f"https://{name}{suffix}"
    if not plain or _VAULT_NAME.fullmatch(name) is None:
        raise SecretUnavailable(
            f"{vault!r} is no key vault of this cloud", hint=f"Write its name, or https://NAME{suffix}."
        )
    return f"https://{name}{suffix}"


def _item(vault: str, item: str) -> str:
    if _SECRET_NAME.fullmatch(item) is None:
        raise SecretUnavailable(
            f"{item!r} is no name of a secret in key vault {vault}",
            hint="Letters, digits and dashes, then maybe / and a version.",
        )
    return item
