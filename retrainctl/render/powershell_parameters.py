"""The parameters of a script: every secret and everything that the plan does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from retrainctl.fastclass import dataclass
from retrainctl.model.environment import StorageSettings
from retrainctl.model.values import Secret, SecretRef
from retrainctl.render.powershell_text import comment, environment_variable, quoted


@dataclass(slots=True)
class _Parameter:
    variable: str
    what: str
    default: str = ""


@dataclass(slots=True)
class Parameters:
    """Hands out variables, one per secret; `lines` is the `param` block for all that were asked for."""

    _found: dict[Any, _Parameter] = field(default_factory=dict)
    _accounts: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The variable of the workspace's token."""
        return self._found["token"].variable

    def need_token(self, reference: SecretRef | None) -> None:
        """The Classic workspace's authorization token."""
        default = "" if reference is None else _value_of(reference)
        if "token" not in self._found:
            self._found["token"] = _Parameter("$AuthorizationToken", "the workspace's authorization token", default)

    def secret(self, reference: Mapping[str, str]) -> str:
        """The variable of a secret that a manifest refers to."""
        known = SecretRef.from_json(reference)
        number = sum(isinstance(key, SecretRef) for key in self._found) + 1
        made = _Parameter(f"$Secret{number}", f"secret {known}", _value_of(known))
        return self._found.setdefault(known, made).variable

    def missing(self, what: str) -> str:
        """A variable for what is in no plan: a value that is sensitive, or known only after an upload."""
        number = sum(isinstance(key, tuple) for key in self._found) + 1
        return self._found.setdefault(("missing", what), _Parameter(f"$Missing{number}", what)).variable

    def storage(self, account: str, settings: Mapping[str, StorageSettings]) -> None:
        """The key of a storage account, where the environment names one."""
        known = settings.get(account)
        reference = known.key if known is not None else None
        if account in self._accounts or reference is None or isinstance(reference, Secret):
            return
        self._accounts[account] = self.secret(reference.to_json())

    def accounts(self) -> Iterator[tuple[str, str]]:
        yield from sorted(self._accounts.items())

    def lines(self) -> Iterator[str]:
        """The `param` block; nothing for a script without parameters."""
        if not self._found:
            return
        yield "param("
        last = len(self._found)
        for number, parameter in enumerate(self._found.values(), 1):
            yield f"    # {comment(parameter.what)}"
            must = "" if parameter.default else "[Parameter(Mandatory)] "
            default = f" = {parameter.default}" if parameter.default else ""
            yield f"    {must}[string] {parameter.variable}{default}" + ("," if number < last else "")
        yield ")"


def _value_of(reference: SecretRef) -> str:
    match reference.source:
        case "env":
            return environment_variable(reference.name)
        case "file":
            return f"([IO.File]::ReadAllText({quoted(reference.name)}).TrimEnd([char]13, [char]10))"
        case "keyVault":
            vault = reference.name.removeprefix("https://").split(".", 1)[0]
            item = quoted(reference.item or "")
            return f"(Get-AzKeyVaultSecret -VaultName {quoted(vault)} -Name {item} -AsPlainText)"
        case _:
            return ""
