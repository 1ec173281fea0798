"""Which APIs the emulator speaks. A new one adds one line here."""

from __future__ import annotations

from retrainctl.emulator.frame import Room


def all_rooms() -> list[Room]:
    """New instances of every room."""
    from retrainctl.emulator.arm.room import ArmRoom
    from retrainctl.emulator.azureml.room import AzuremlRoom
    from retrainctl.emulator.blob.room import BlobRoom
    from retrainctl.emulator.classic.room import ClassicRoom
    from retrainctl.emulator.scoring.room import ScoringRoom
    from retrainctl.emulator.studio.room import StudioRoom

    return [BlobRoom(), ArmRoom(), ClassicRoom(), ScoringRoom(), AzuremlRoom(), StudioRoom()]
