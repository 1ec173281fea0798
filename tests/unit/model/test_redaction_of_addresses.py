"""Signatures in addresses are hidden wherever they stand, also in an address that is a value of another one's query."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from retrainctl.model.redaction import HIDDEN, Redactor

SIGNATURE = "hz99npJImdTMucMWuFw50JggNEn%2Bg1s0uKwZbi%2BczHg%3D"
SIGNED = f"https://acct.blob.core.windows.net/c/package.zip?sv=2015-04-05&sig={SIGNATURE}&se=2026-11-22"


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_a_signature_is_hidden_however_often_its_address_is_quoted(times: int) -> None:
    address = SIGNED
    for _ in range(times):
        address = quote(address, safe="")
    text = f"PUT https://host/packages?packageUri={address}&region=SouthCentralUS"
    shown = Redactor().clean(text)
    assert "hz99" not in shown and "czHg" not in shown and HIDDEN in shown
    assert shown.endswith("&region=SouthCentralUS"), "the rest of the query stays"
    assert "2026-11-22" in shown


@pytest.mark.parametrize("text", ["sig%20nals", "a?design%3Dx", "%3Fdesign%3Dx", "100% sig%3D"])
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert Redactor().clean(text) == text
