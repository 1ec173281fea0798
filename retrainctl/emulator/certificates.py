"""A certificate for loopback, made once per state folder, for clients that insist on TLS (`az`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_RENEW_BEFORE = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Files for the server; clients trust `ca`."""

    ca: Path
    chain: Path
    key: Path


def ensure(state: Path, now: float) -> Certificate:
    """The certificate of this state, kept while it is valid for another day."""
    files = Certificate(ca=state / "ca.pem", chain=state / "server.pem", key=state / "server.key")
    if (
        all(path.is_file() for path in (files.ca, files.chain, files.key))
        and _valid_until(files.chain) - now > _RENEW_BEFORE
    ):
        return files
    import trustme

    authority = trustme.CA(organization_name="retrainctl emulator")
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(files.ca))
    files.chain.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(server.private_key_pem.bytes())
    return files


def _valid_until(chain: Path) -> float:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc.timestamp()
    except ValueError:
        return 0.0
