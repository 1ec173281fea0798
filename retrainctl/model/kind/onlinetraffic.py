"""`OnlineTraffic`: how an online endpoint's requests are shared out; azureml-v2.md section 5.3.

Declared by an `OnlineEndpoint`, and planned at an address of its own: the endpoint comes before its deployments, its
traffic after them.
"""

from __future__ import annotations

from retrainctl.model.kinds import FieldTrait, KindSpec

SPEC = KindSpec(
    kind="OnlineTraffic",
    target="azureml",
    place=("name", "workspace"),
    # There are no traffic maps without their endpoint, which is created with empty ones.
    deletable=False,
    traits=(FieldTrait(path=("traffic",), whole=True), FieldTrait(path=("mirrorTraffic",), whole=True)),
)
