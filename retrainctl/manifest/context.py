"""What decoding a manifest needs to know besides the manifest itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.definitions import Definitions
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.source import Sources
from retrainctl.manifest.suggest import hint
from retrainctl.manifest.tables import Tables
from retrainctl.manifest.versions import VersionTables
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, Environment
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelLine

ANY: Final = "*"
MAX_GUESSES: Final = 50
"""Looking for the nearest name is slow; a project in which everything is misspelled must not take minutes."""


@dataclass(slots=True)
class Unsure:
    """What may be declared although it was not understood: errors that only follow from it are not reported.

    kinds: a kind of which a document could not be read (`ANY`: not even its kind). names: resources whose manifest has
    errors.
    """

    kinds: set[str] = field(default_factory=set)
    names: set[Address] = field(default_factory=set)

    def about(self, kind: str, name: str) -> bool:
        """Whether this resource may be declared in a place that could not be read."""
        return ANY in self.kinds or kind in self.kinds or Address(kind, name) in self.names


@dataclass(slots=True, kw_only=True)
class Context:
    """Shared by the kinds of one load.

    models: every model decoded so far; places: where every resource decoded so far is. scope: the values of `vars`
    and `environment`. waiting: addresses that must exist, each with who waits for it and where that is said. produced:
    model name, and blob of a version, to the retraining that makes them. parts: make resources that a manifest declares
    beside its own, once every manifest is decoded (an endpoint's traffic comes after its deployments).
    """

    environment: Environment
    environment_file: str
    scope: Mapping[str, Any]
    sources: Sources
    tables: Tables
    versions: VersionTables
    definitions: Definitions
    found: Diagnostics
    unsure: Unsure = field(default_factory=Unsure)
    environment_broken: bool = False
    models: dict[str, ModelLine] = field(default_factory=dict)
    declared: dict[Address, Span] = field(default_factory=dict)
    places: dict[Address, Mapping[str, str]] = field(default_factory=dict)
    waiting: list[tuple[Address, Address, Span]] = field(default_factory=list)
    produced: dict[str, Address] = field(default_factory=dict)
    parts: list[Callable[[], Desired]] = field(default_factory=list)
    _said: set[str] = field(default_factory=set)
    _guesses: int = 0

    def guess(self, word: str, known: Iterable[str], what: str) -> str:
        """A hint with the nearest of the known names; after many of them, none is looked for."""
        self._guesses += 1
        if self._guesses > MAX_GUESSES:
            return "Declare it, or mend the name."
        return hint(word, sorted(known), what)

    def arm(self, instance: Instance) -> ArmSettings | None:
        """The environment's ARM settings; None, reported once, when it has none."""
        if self.environment.arm is None:
            self.no_target("arm", instance)
        return self.environment.arm

    def no_target(self, target: str, instance: Instance) -> None:
        """Reports, once per target, that the environment does not say where a kind lives."""
        if self.environment_broken or target in self._said:
            return
        self._said.add(target)
        self.found.error(
            "RC017",
            f'environment "{self.environment.name}" has no `{target}` settings, which {instance.address.kind} needs',
            self.environment.span or instance.origin,
            f"Add `{target}:` to the environment in {self.environment_file}, or `emulator: {{}}`.",
            str(instance.address),
        )
