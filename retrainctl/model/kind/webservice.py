"""`WebService`: a New (Azure Resource Manager) web service; arm-webservices.md sections 4 to 6 and 9.

`regions` is no member of the service's object: it says for which regions the service keeps a copy of its encrypted
parameters (`present` or `missing`).
"""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec, Unreadable

SPEC = KindSpec(
    kind="WebService",
    target="arm",
    place=("name", "resourceGroup"),
    slots=True,
    slots_in=("assets",),
    references={"commitmentPlan": "CommitmentPlan"},
    traits=(
        FieldTrait(path=("location",), immutable=True, folded=True),
        FieldTrait(path=("tags",), keyed=True),
        FieldTrait(path=("packageType",), immutable=True),
        FieldTrait(path=("readOnly",), default=False),
        FieldTrait(path=("exposeSampleData",), default=False),
        FieldTrait(path=("realtimeConfiguration", "maxConcurrentCalls"), default=20),
        # Nobody knows whether a key is the declared one before we have written it.
        *(
            FieldTrait(path=("keys", name), write_only=True, secret=True, unreadable=Unreadable.WRITE)
            for name in ("primary", "secondary")
        ),
        # Once made, a region's copy stays; that one is missing was nobody's wish.
        FieldTrait(path=("regions", "*"), condition=True),
        FieldTrait(path=("storageAccount", "name"), immutable=True),
        FieldTrait(path=("storageAccount", "key"), write_only=True, secret=True),
        # The service does not show it; the plans do, where they may be read. An association move changes it.
        FieldTrait(path=("commitmentPlan",), write_only=True),
        FieldTrait(path=("commitmentPlan", "id"), folded=True),
        FieldTrait(path=("machineLearningWorkspace",), immutable=True),
        *(
            FieldTrait(path=(name,), whole=True)
            for name in ("assets", "package", "input", "output", "parameters", "exampleRequest")
        ),
    ),
)
