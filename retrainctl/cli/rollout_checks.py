"""The environment's rollout checks, ready for an apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from retrainctl.operations.applying import MakeCheck
    from retrainctl.ports import Observer

_EFFECT: Final = 30.0
"""Seconds until a Classic endpoint scores with the model that it was given (classic-api.md 4.8)."""


def rollout_checks(session: Session, observer: Observer) -> MakeCheck | None:
    """What scores every portion of an apply; None where the environment has no checks, and then nobody is asked."""
    environment = session.loaded.environment
    checks = environment.rollout.get("checks")
    if not isinstance(checks, list) or not checks:
        return None
    from retrainctl.operations.scoring import make_check
    from retrainctl.wiring.services import service_directory

    root = session.loaded.project.root
    directory = service_directory(session.loaded.project, environment, session.outside)
    settle = {} if environment.emulator is not None else {"classic": _EFFECT}
    return lambda pause: make_check(checks, root, directory, observer, pause=pause, settle=settle)
