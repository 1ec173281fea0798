"""Variables: Project < environment < RETRAINCTL_VAR_name < --var."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest.scalars import Trap, plain
from retrainctl.manifest.source import secrets_in
from retrainctl.manifest.suggest import hint
from retrainctl.model.values import Json

PREFIX: Final = "RETRAINCTL_VAR_"


def resolve(
    declared: Mapping[str, Json],
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
    found: Diagnostics,
) -> Mapping[str, Json]:
    """The variables' values. Both ways of setting one from outside read a YAML scalar, and only declared names.

    Args:
        declared: the Project's variables under those of the environment.
        environ: the process environment. overrides: `--var name=value`.
    """
    values = dict(declared)
    given = {
        name.removeprefix(PREFIX): (name, text) for name, text in sorted(environ.items()) if name.startswith(PREFIX)
    }
    outside = [*given.items(), *((name, (f"--var {name}", text)) for name, text in overrides.items())]
    for name, (source, text) in outside:
        if name not in declared:
            message = f"{source} sets a variable that is not declared"
            found.error("RC013", message, None, hint(name, sorted(declared), "variables"))
            continue
        value = _scalar(text)
        if isinstance(value, Trap):
            found.error(
                "RC014", f'{source}: "{value.text[:40]}" {value.why}', None, f"Write {name}='\"{text[:40]}\"' for text."
            )
        elif isinstance(value, str) and secrets_in(value):
            found.error(
                "RC120", f"{source} holds a secret in clear", None, "Variables end up in plans. Use {env: NAME}."
            )
        else:
            values[name] = value
    return values


def _scalar(text: str) -> Json | Trap:
    """A YAML scalar: quoted text, or a plain one."""
    stripped = text.strip()
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "'\"":
        inner = stripped[1:-1]
        return inner.replace("''", "'") if stripped[0] == "'" else inner.replace('\\"', '"').replace("\\\\", "\\")
    return plain(stripped)
