"""What the evidence leaves open about the management API (classic-api.md sections 4 and 13), as switches.

Evidence decides the default where there is any; where there is none, what a careless client notices.
"""

from __future__ import annotations

from typing import Final

from retrainctl.emulator.knobs import Knob


def _choice(name: str, choices: tuple[str, ...], meaning: str) -> Knob:
    return Knob(name=f"classic-{name}", form="choice", default=choices[0], choices=choices, meaning=meaning)


KNOBS: Final = (
    _choice("tier", ("Standard", "Free"), "of the workspace; Free: 3 endpoints per service, ThrottleLevel Low only"),
    _choice("api-location", ("local", "azure"), "host in ApiLocation: the emulator's own, or the real service's"),
    _choice("echo", ("stale", "echo", "absent"), "Location of a patched resource in GET: the former, the new, none"),
    _choice("success", ("200", "rest", "202"), "status of writes: 200; 201 for new and 204 without body; 202"),
    _choice("put-body", ("endpoint", "empty"), "body of the answer to PUT (one client reads it)"),
    _choice("patch-body", ("empty", "endpoint"), "body of the answer to PATCH"),
    _choice("missing", ("204", "404"), "GET and DELETE of an endpoint that is not there"),
    _choice("patch-fields", ("yes", "ignored", "rejected"), "Description, ThrottleLevel ... in PATCH"),
    _choice("patch-version", ("keep", "renew"), "whether a PATCH of a model moves Version"),
    _choice("put-existing", ("update", "conflict", "replace"), "PUT of a name that is there: settings, 409, a new one"),
    _choice("refusal-status", ("400", "403", "404", "409"), "status of a refused PATCH or refresh (T1, T2, T6, T8)"),
    _choice("list-keys", ("yes", "no"), "whether lists have keys; with decryptSecrets=true they always do"),
    _choice("max-calls", ("1", "20", "ignored"), "least MaxConcurrentCalls at High; ignored: always 20"),
    _choice("prevent-update", ("shown", "enforced"), "PreventUpdate: only stored, or PATCH is refused"),
    Knob(
        name="classic-patch-stale",
        form="trigger",
        default="never",
        meaning="a PATCH is accepted and changes nothing (T7)",
    ),
)
