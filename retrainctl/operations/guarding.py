"""Which guards count, and what they say about changes: the working tree's own, or those of a trusted Git ref."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.change import ResourceChange
from retrainctl.model.environment import Guards
from retrainctl.model.resource import Desired
from retrainctl.operations.planning import default_guards
from retrainctl.operations.policies import Judge, judge_of
from retrainctl.plan.guard import blocks
from retrainctl.plan.plan import Block, PolicyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSet:
    """Limits, protections, freezes and policies of one environment at one time. source: ref and commit, where they
    come from a trusted ref."""

    guards: Guards
    judge: Judge | None = None
    source: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What guards say about changes."""

    blocked: tuple[Block, ...] = ()
    policy: tuple[PolicyResult, ...] = ()


def own_guards(loaded: Loaded, now: datetime) -> GuardSet:
    """Those that stand in the working tree."""
    return GuardSet(guards=default_guards(loaded.environment), judge=judge_of(loaded.policies, now))


def guards_from(ref: str, project_file: Path, environment: str, environ: Mapping[str, str], now: datetime) -> GuardSet:
    """Those of a Git ref; see `trusted_guards` for what this raises."""
    from retrainctl.operations.trusted import trusted_guards

    trusted = trusted_guards(project_file, environment, ref, environ)
    return GuardSet(
        guards=default_guards(trusted.environment),
        judge=judge_of(trusted.policies, now),
        source=(trusted.ref, trusted.commit),
    )


def verdict(
    changes: Sequence[ResourceChange], guards: GuardSet, desired: Sequence[Desired], allowed: Mapping[str, int]
) -> Verdict:
    """What the guards say by now, whatever they said when the changes were planned."""
    declared = Counter(entry.address.kind for entry in desired)
    return Verdict(
        blocked=blocks(changes, guards.guards, declared, allowed),
        policy=tuple(guards.judge(changes)) if guards.judge is not None else (),
    )
