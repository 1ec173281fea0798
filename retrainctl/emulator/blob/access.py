"""Who may do what with which blob."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from retrainctl.emulator.blob import signature
from retrainctl.emulator.blob.shelf import Container
from retrainctl.emulator.clock import parse_moment
from retrainctl.emulator.exchange import Call, Refusal
from retrainctl.emulator.identity import Identity, account_key

Level = Literal["service", "container", "object"]

ISSUED_VERSION: Final = "2015-04-05"
"""The version that the services' own tokens are signed in: the newest that the samples of their time could have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a request may do: `letters` are SAS permissions, at each of `levels`; None in both: everything."""

    letters: str | None = None
    levels: frozenset[Level] | None = None
    anonymous: bool = False

    def require(self, level: Level, letters: str) -> None:
        """Raise 403 unless one of these permissions is there for this level."""
        if self.anonymous and (level not in (self.levels or ()) or not set(letters) & set(self.letters or "")):
            raise authentication_failed("The request carries no credentials, and the container is private.")
        if self.levels is not None and level not in self.levels:
            raise Refusal(
                403,
                "AuthorizationResourceTypeMismatch" if level != "object" else "AuthorizationFailure",
                "This request is not authorized to perform this operation using this resource type.",
            )
        if self.letters is not None and not set(letters) & set(self.letters):
            raise Refusal(
                403,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )


def authentication_failed(detail: str) -> Refusal:
    return Refusal(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature.",
        [("AuthenticationErrorDetail", detail)],
    )


def admit(
    call: Call, account: str, container: str, blob: str, found: Container | None, *, identity: Identity, now: float
) -> Access:
    """What this request may do with a blob, or with a container (`found` is what there is of it).

    Raises:
        Refusal: credentials that are not accepted.
    """
    given = call.headers.get("authorization", "")
    if given.startswith("SharedKey "):
        _check_shared_key(call, account, given.removeprefix("SharedKey "))
        return Access()
    if given.startswith("Bearer "):
        if not identity.accepts(given.removeprefix("Bearer ")):
            raise Refusal(
                401,
                "InvalidAuthenticationInfo",
                "Server failed to authenticate the request. Please refer to the www-authenticate header.",
                headers=[("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.com/common")],
            )
        return Access()
    if given:
        raise authentication_failed("The authorization scheme is not supported by the emulator.")
    if "sig" in call.query:
        return sas_access(call.query, account, container, blob, now)
    return anonymous_access(found)


def anonymous_access(found: Container | None) -> Access:
    """What anybody may do in a container."""
    if found is not None and found.access == "container":
        return Access(letters="rl", levels=frozenset(("object", "container")), anonymous=True)
    if found is not None and found.access == "blob":
        return Access(letters="r", levels=frozenset(("object",)), anonymous=True)
    return Access(letters="", levels=frozenset(), anonymous=True)


def _check_shared_key(call: Call, account: str, given: str) -> None:
    name, _, signed = given.partition(":")
    if name == account:
        for number in (1, 2):
            key = account_key(account, number)
            for text in signature.shared_key_texts(account, call.method, call.target, call.headers):
                if signature.equal(signed, signature.sign(key, text)):
                    return
    raise authentication_failed("The MAC signature found in the HTTP request is not the same as any computed one.")


def sas_access(members: Mapping[str, str], account: str, container: str, blob: str, now: float) -> Access:
    """What a shared access signature allows on this blob or container.

    Raises:
        Refusal: 403 for a wrong signature, a time outside its life, another resource, or no token at all.
    """
    if not members.get("sig") or not members.get("sv"):
        raise authentication_failed("The shared access signature is incomplete.")
    if "ss" in members:
        _check_signature(members, account, signature.account_text(members, account), delegated=False)
        access = _account_levels(members)
    else:
        access = _service_levels(members, account, container, blob)
    _check_life(members, now)
    return access


def _service_levels(members: Mapping[str, str], account: str, container: str, blob: str) -> Access:
    resource = members.get("sr", "")
    path = container if resource == "c" else f"{container}/{blob}"
    if resource not in ("b", "c") or not container or (resource == "b" and not blob):
        raise authentication_failed("The signature is for another resource.")
    if "skoid" in members:
        _check_signature(members, account, signature.delegation_text(members, account, path), delegated=True)
    else:
        _check_signature(members, account, signature.service_text(members, account, path), delegated=False)
    levels: frozenset[Level] = frozenset(("object", "container")) if resource == "c" else frozenset(("object",))
    return Access(letters=members.get("sp", ""), levels=levels)


def _account_levels(members: Mapping[str, str]) -> Access:
    if "b" not in members["ss"]:
        raise Refusal(403, "AuthorizationServiceMismatch", "This request is not authorized to use this service.")
    names: dict[str, Level] = {"s": "service", "c": "container", "o": "object"}
    return Access(
        letters=members.get("sp", ""), levels=frozenset(names[t] for t in members.get("srt", "") if t in names)
    )


def _check_signature(members: Mapping[str, str], account: str, text: str, *, delegated: bool) -> None:
    for number in (1, 2):
        key = account_key(account, number)
        if delegated:
            key = signature.delegation_key(key, members)
        if signature.equal(members["sig"], signature.sign(key, text)):
            return
    raise authentication_failed("Signature did not match.")


def _check_life(members: Mapping[str, str], now: float) -> None:
    try:
        begins = parse_moment(members["st"]) if members.get("st") else None
        ends = parse_moment(members.get("se", ""))
    except ValueError:
        raise authentication_failed("Signature fields not well formed.") from None
    if (begins is not None and now < begins) or now >= ends:
        raise authentication_failed("Signature not valid in the specified time frame.")


def issue(account: str, path: str, *, begins: str, ends: str, letters: str = "r") -> str:
    """A service SAS for one blob, as the batch service hands them out: `?sv=..&sr=b&sig=..&st=..&se=..&sp=r`."""
    members = {"sv": ISSUED_VERSION, "sr": "b", "st": begins, "se": ends, "sp": letters}
    members["sig"] = signature.sign(account_key(account), signature.service_text(members, account, path))
    order = ("sv", "sr", "sig", "st", "se", "sp")
    return "?" + "&".join(f"{name}={quote(members[name], safe='')}" for name in order)
