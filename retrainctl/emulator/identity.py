"""Who the emulator is: the ids of the local environment, its tokens and its storage keys."""

from __future__ import annotations

import base64
import hmac
import secrets
from hashlib import sha256, sha512
from typing import Any, Final

import orjson

from retrainctl.emulator.clock import Clock
from retrainctl.emulator.store import Store

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000001"
TENANT: Final = "00000000-0000-0000-0000-000000000002"
RESOURCE_GROUP: Final = "local"
REGION: Final = "South Central US"
WORKSPACE: Final = "00000000000000000000000000000001"

_LIFETIME = 3600 * 24


class Identity:
    """Issues and checks bearer tokens; the secrets belong to the state and survive restarts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        if (secret := store.meta("secret")) is None:
            secret = secrets.token_urlsafe(32)
            store.set_meta("secret", secret)
        self._secret = secret.encode()
        self.control = secrets.token_urlsafe(24)
        """Opens `/_emulator/`; another one in each process, known from `emulator.json` only."""
        self.token = self.issue(TENANT, "retrainctl", lifetime=None)
        """A bearer token that never expires, for the tool's own `emulator: {}` environments."""
        self._accepted: set[str] = set()

    def issue(self, tenant: str, application: str, lifetime: int | None = _LIFETIME) -> str:
        """A token in JWT form, which is what `az` and MSAL take apart."""
        now = 0 if lifetime is None else int(self._clock.now())
        claims: dict[str, Any] = {
            "aud": "https://management.azure.com/",
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": 253402300799 if lifetime is None else now + lifetime,
            "appid": application,
            "idtyp": "app",
            "oid": "00000000-0000-0000-0000-000000000003",
            "sub": "00000000-0000-0000-0000-000000000003",
            "tid": tenant,
            "ver": "1.0",
        }
        signed = f"{_b64(orjson.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_b64(orjson.dumps(claims))}"
        return f"{signed}.{self._sign(signed)}"

    def accepts(self, token: str) -> bool:
        """Whether this token was issued here and has not expired."""
        if token in self._accepted:
            return True
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(signature, self._sign(signed)):
            return False
        payload = signed.partition(".")[2]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["exp"] <= self._clock.now():
            return False
        if claims["exp"] > 1e11:
            self._accepted.add(token)
        return True

    def _sign(self, text: str) -> str:
        return _b64(hmac.new(self._secret, text.encode(), sha256).digest())


def account_key(account: str, number: int = 1) -> str:
    """The key of a storage account in the emulator: built in, the same on every machine, and therefore no secret."""
    return base64.b64encode(sha512(f"retrainctl emulator|{account.lower()}|{number}".encode()).digest()).decode()


def service_key() -> str:
    """A new access key in the form of the recorded ones: 64 bytes, base64."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
