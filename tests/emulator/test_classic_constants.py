"""The two houses share no code; where they must agree, a test holds them together."""

from __future__ import annotations

from retrainctl.emulator import identity
from retrainctl.model import environment


def test_both_houses_mean_the_same_workspace() -> None:
    assert identity.WORKSPACE == environment.EMULATOR_WORKSPACE
    assert identity.REGION == environment.EMULATOR_LOCATION
    assert identity.SUBSCRIPTION == environment.EMULATOR_SUBSCRIPTION
    assert identity.RESOURCE_GROUP == environment.EMULATOR_RESOURCE_GROUP
