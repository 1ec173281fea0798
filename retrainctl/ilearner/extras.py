"""The optional libraries, imported when they are first needed: inspecting a model needs none of them."""

from __future__ import annotations

import importlib
from types import ModuleType

from retrainctl.ilearner.errors import IlearnerError


def load(name: str, purpose: str) -> ModuleType:
    """Import one of numpy, onnx, onnxruntime.

    Raises:
        IlearnerError: RC720 with the install command when it is not there.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise IlearnerError(
            f"{purpose} needs the library {name.partition('.')[0]}, which is not installed",
            code="RC720",
            hint="pip install 'retrainctl[models]'",
        ) from error
