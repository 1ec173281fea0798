"""Keys that are made up when they are sent: nobody knows them, and their rotation is what counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrainctl.model.address import Address
from retrainctl.model.redaction import Redactor
from retrainctl.model.values import SecretRef
from retrainctl.wiring.connect import secret_hash
from retrainctl.wiring.secrets import BuiltInSecrets, Secrets

ADDRESS = Address("WebService", "census")


def rotation(number: int, what: str = "WebService/census primary key") -> SecretRef:
    return SecretRef("generate", what, str(number))


def test_its_form_in_a_plan_goes_both_ways() -> None:
    assert rotation(3).to_json() == {"generate": "WebService/census primary key", "rotation": "3"}
    assert SecretRef.from_json(rotation(3).to_json()) == rotation(3)


@pytest.mark.parametrize("emulated", [True, False])
def test_every_key_is_another_one(tmp_path: Path, emulated: bool) -> None:
    redactor = Redactor()
    secrets = BuiltInSecrets() if emulated else Secrets(environ={}, roots=[tmp_path], redactor=redactor)
    one, other = (
        secrets.resolve(rotation(1)).reveal(),
        secrets.resolve(rotation(1, "WebService/census secondary key")).reveal(),
    )
    assert one != other
    assert min(len(one), len(other)) >= 44, "at least 256 bits"
    if not emulated:
        assert one not in redactor.clean(f"it is {one}")
        assert secrets.resolve(rotation(1)).reveal() == one, "one write has one key, however often it is asked for"


def test_only_another_rotation_is_a_difference() -> None:
    def told(number: int) -> str | None:
        return secret_hash(BuiltInSecrets(), "prod", rotation(number), ADDRESS)

    assert told(1) == told(1)
    assert told(1) != told(2)
