"""`BatchDefault`: which deployment of a batch endpoint gets jobs that name none; azureml-v2.md sections 2.4 and 5.2.

Declared by a `BatchEndpoint`, and planned at an address of its own: it comes after the deployment that it names.
"""

from __future__ import annotations

from retrainctl.model.kinds import KindSpec

SPEC = KindSpec(kind="BatchDefault", target="azureml", place=("name", "workspace"), deletable=False)
