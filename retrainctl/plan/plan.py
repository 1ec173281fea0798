"""The frozen plan: everything an apply needs and a reviewer wants, nothing secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from retrainctl.diff.delta import Drift
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ResourceChange
from retrainctl.model.resource import Applied
from retrainctl.model.values import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the manifests came from: Git commit, whether the tree was dirty, and each file's SHA-256.

    guards: the trusted ref that the guards were read from (`--guards-from`), and the commit that it was.
    """

    commit: str | None = None
    dirty: bool | None = None
    manifests: tuple[tuple[str, str], ...] = ()
    guards: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A guard that says no. `override` is the exact flag that passes it, where there is one."""

    guard: str
    message: str
    override: str | None = None
    address: Address | None = None


class PolicyOutcome(StrEnum):
    """What became of one policy on one change."""

    WARNED = "warned"
    DENIED = "denied"
    EXCEPTED = "excepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult:
    """A policy that matched a change."""

    rule: str
    level: str
    address: Address
    message: str
    outcome: PolicyOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All changes of one environment, sorted by address, with the verdicts over them.

    targets: target name -> the scope that it stands for (subscription and group, workspace), so that a plan is never
    applied to another place. no_op counts the declared resources that are as they should be.
    adopt: what the ledger should learn although nothing is to be written: others have made it so. Known to the apply
    that made the plan; no part of its file.
    complete is False where something was left out (`--only`, a snapshot that covers less).
    """

    environment: str
    targets: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[ResourceChange, ...] = ()
    drift: tuple[tuple[Address, Drift], ...] = ()
    suppressed: tuple[tuple[Address, Path, str], ...] = ()
    policy: tuple[PolicyResult, ...] = ()
    blocked: tuple[Block, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    not_covered: tuple[Address, ...] = ()
    complete: bool = True
    no_op: int = 0
    adopt: tuple[Applied, ...] = ()
    source: Source = field(default_factory=Source)
    created_at: str = ""
    retrainctl_version: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Changes by action, with every action present."""
        seen = Counter(change.action for change in self.changes)
        return {action.name.lower(): seen[action] for action in Action if action is not Action.NO_OP}

    @property
    def alarms(self) -> tuple[tuple[Address, Drift], ...]:
        """Drift that nobody has allowed."""
        return tuple(entry for entry in self.drift if entry[1].allowed is None)

    @property
    def applyable(self) -> bool:
        """Whether an apply may start: nothing blocks."""
        return not self.blocked and not any(p.outcome is PolicyOutcome.DENIED for p in self.policy)
