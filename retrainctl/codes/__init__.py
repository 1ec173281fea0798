"""Every error code with its meaning, cause and fix: one table per area, `retrainctl explain CODE` prints an entry.

Ranges: RC0xx project and command line, RC1xx manifests, RC2xx definitions and snapshots, RC3xx targets,
RC4xx plan and guards, RC5xx apply and ledger, RC6xx retraining and model versions, RC7xx model files, RC8xx emulator,
RC9xx single commands.
"""

from __future__ import annotations

from retrainctl.codes.entry import Code


def catalogue() -> dict[str, Code]:
    """All codes, sorted. Built on demand: only errors and `explain` need it."""
    from retrainctl.codes import (
        apply,
        azureml,
        definition,
        direct,
        doctor,
        emulator,
        ilearner,
        manifest,
        plan,
        project,
        retrain,
        studio,
        target,
    )

    merged: dict[str, Code] = {}
    areas = (
        project,
        manifest,
        definition,
        target,
        plan,
        apply,
        retrain,
        ilearner,
        emulator,
        direct,
        doctor,
        azureml,
        studio,
    )
    for area in areas:
        merged.update(area.CODES)
    return dict(sorted(merged.items()))
