"""Read-only SAS tokens for the blobs that endpoints are pointed at: made when they are sent, or given.

A token is signed here and not by azure-storage-blob: that library costs 0.3 s to import and 0.1 ms a token, and the
text to sign is documented. The tests hold both against each other.
"""

from __future__ import annotations

import base64
import hmac
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from retrainctl.definition.moment import read_moment
from retrainctl.fastclass import dataclass
from retrainctl.model.values import Secret
from retrainctl.ports import Clock, Rejected

VERSION: Final = "2020-12-06"
"""The version of the service whose text to sign this is."""

LIFETIME: Final = timedelta(hours=1)
"""How long a token lasts: the service fetches the model while it answers the call (inferred, 4.8); the rest is room."""

_SKEW: Final = timedelta(minutes=15)
_MARGIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob's place: decoded names. `protocol`: what a token for it allows."""

    account: str
    container: str
    name: str
    protocol: str = "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationKey:
    """A user delegation key, as `Get User Delegation Key` answers; `expires` is its `SignedExpiry`."""

    value: Secret
    object_id: str
    tenant_id: str
    starts: str
    expires: str
    service: str
    version: str


Signer = Secret | DelegationKey
"""What signs the tokens of an account: its key, or a user delegation key."""


def blob_of(uri: str, endpoints: Mapping[str, str]) -> Blob:
    """The blob behind a URI. `endpoints`: accounts with an address of their own.

    Raises:
        Rejected: RC371, nothing sent: it is not a blob of a storage account.
    """
    protocol = "https"
    own = next((name for name, base in endpoints.items() if uri.startswith(f"{base.rstrip('/')}/")), None)
    if own is not None:
        account, path = own, uri[len(endpoints[own].rstrip("/")) + 1 :]
        protocol = "https" if uri.startswith("https:") else "https,http"
    else:
        parts = urlsplit(uri)
        host = (parts.hostname or "").lower()
        account, path = host.partition(".")[0] if ".blob." in host else "", parts.path.lstrip("/")
    container, _, name = unquote(path).partition("/")
    if not (account and container and name):
        raise Rejected(
            f"no SAS token can be made for {uri}: it is not a blob of a storage account",
            code="RC371",
            hint="Write https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.ilearner.",
            sent=False,
        )
    return Blob(account=account, container=container, name=name, protocol=protocol)


def sign(blob: Blob, signer: Signer, *, starts: datetime, ends: datetime) -> str:
    """A token that may read this one blob, with its question mark."""
    start, end = _moment(starts), _moment(ends)
    resource = f"/blob/{blob.account}/{blob.container}/{blob.name}"
    members = {"sv": VERSION, "st": start, "se": end, "sr": "b", "sp": "r", "spr": blob.protocol}
    if isinstance(signer, Secret):
        key = signer.reveal()
        owner = ["", "", blob.protocol, VERSION]  # stored policy, addresses
    else:
        key = signer.value.reveal()
        given = {
            "skoid": signer.object_id,
            "sktid": signer.tenant_id,
            "skt": signer.starts,
            "ske": signer.expires,
            "sks": signer.service,
            "skv": signer.version,
        }
        members.update(given)
        # Then: authorised and unauthorised object id, correlation id, addresses.
        owner = [*given.values(), "", "", "", "", blob.protocol, VERSION]
    # Then: resource, snapshot, encryption scope, and five headers of the answer.
    lines = ["r", start, end, resource, *owner, "b", "", "", "", "", "", "", ""]
    digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), sha256).digest()
    members["sig"] = base64.b64encode(digest).decode()
    return "?" + urlencode(members, quote_via=quote, safe="")


def check_given(token: str, account: str, now: datetime) -> str:
    """A token that somebody made, with its question mark.

    Raises:
        Rejected: nothing sent: it is none (RC373), may not read (RC373), or ends within a minute (RC372).
    """
    members = {name: values[0] for name, values in parse_qs(token.strip().lstrip("?")).items()}
    if "sig" not in members:
        raise _refused(account, "is no SAS token: it has no signature", "RC373", "Give it as the portal shows it.")
    if "r" not in members.get("sp", "r"):
        raise _refused(account, f"may not read (sp={members['sp']})", "RC373", "Make one with the right to read.")
    ends = read_moment(members.get("se")) or read_moment(f"{members.get('se')}T00:00:00Z")
    if ends is not None and ends <= now + _MARGIN:
        what = f"has expired, at {_moment(ends)}" if ends <= now else f"expires within a minute, at {_moment(ends)}"
        raise _refused(account, what, "RC372", "Make a new one; or give the account's key, then one is made each time.")
    return "?" + token.strip().lstrip("?")


def _refused(account: str, what: str, code: str, hint: str) -> Rejected:
    return Rejected(f"the SAS token given for storage account {account} {what}", code=code, hint=hint, sent=False)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class BlobTokens:
    """Tokens by blob URI. Thread-safe; a signer is found once per account.

    endpoints: accounts with an address of their own. given: the token that somebody made for an account, None where
    there is none. signer: the key of an account, or a new delegation key. Both may raise `TargetError` and
    `SecretUnavailable`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        given: Callable[[str], Secret | None],
        signer: Callable[[str], Signer],
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        self._given = given
        self._signer = signer
        self._endpoints = endpoints or {}
        self._lock = threading.Lock()
        self._signers: dict[str, tuple[Signer, datetime | None]] = {}

    def token(self, uri: str) -> str:
        """A token with its question mark, good for this blob now. Raises `TargetError`, nothing sent to the service."""
        blob = blob_of(uri, self._endpoints)
        now = self._clock.now()
        if (given := self._given(blob.account)) is not None:
            return check_given(given.reveal(), blob.account, now)
        ends = now + LIFETIME
        return sign(blob, self._signer_of(blob.account, ends), starts=now - _SKEW, ends=ends)

    def _signer_of(self, account: str, ends: datetime) -> Signer:
        with self._lock:
            kept = self._signers.get(account)
            if kept is None or (kept[1] is not None and kept[1] < ends):
                signer = self._signer(account)
                good_until = read_moment(signer.expires) if isinstance(signer, DelegationKey) else None
                kept = self._signers[account] = (signer, good_until)
            return kept[0]
