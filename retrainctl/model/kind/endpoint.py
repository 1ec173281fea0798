"""`Endpoint`: an added endpoint of a Classic web service; classic-api.md sections 4.6 to 4.11 and 8.

Whether a GET shows the model that was patched in is not known (section 13), so the ledger tells what a slot serves.
`refreshGraph` and `refreshAll` are no members of the service's object: they say whether the endpoint still runs another
deployment than `default` (`due`) or the same one (`done`).
"""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="Endpoint",
    target="classic",
    place=("webService", "name", "workspace"),
    slots=True,
    slots_readable=False,
    traits=(
        FieldTrait(path=("Description",), default=""),
        FieldTrait(path=("ThrottleLevel",), default="Low"),
        # A late article says that the service tunes it by itself (section 4.11); at Low it is not compared at all.
        FieldTrait(path=("MaxConcurrentCalls",), advisory=True),
        FieldTrait(path=("DiagnosticsTraceLevel",), default="None"),
        # Only creation can give it (section 8, rule 8).
        FieldTrait(path=("PreventUpdate",), immutable=True, default=False),
        FieldTrait(path=("refreshGraph",), condition=True),
        FieldTrait(path=("refreshAll",), condition=True, resets_slots=True),
    ),
)
