"""`AzureMLPS`: datasets, trained models, transforms, modules and what else a workspace holds (classic-api.md 9)."""

from __future__ import annotations

from typing import Final

from retrainctl.parity.classic import COMMON, MODULE, YES
from retrainctl.parity.entry import Cmdlet, Parameter

_SCOPE: Final = (
    Parameter("Scope", "--experiment", "With --experiment what it uses, without it the whole workspace.", value="-"),
    Parameter("ExperimentId", "--experiment"),
)
_FILE: Final = "Streamed, not held in memory."


def _promote(asset: str, node: str, noun: str) -> Cmdlet:
    return Cmdlet(
        f"Promote-Aml{asset}",
        MODULE,
        f"{noun} promote",
        (
            Parameter("ExperimentId", "EXPERIMENT"),
            Parameter(node, "--node"),
            Parameter("NodeOutputPortName", "--port"),
            Parameter(f"{asset}Name", "--name"),
            Parameter(f"{asset}Description", "--description"),
            Parameter("Overwrite", "--overwrite", switch=True),
            *COMMON,
        ),
        YES,
    )


_DATASETS: Final = (
    Cmdlet("Get-AmlDataset", MODULE, "dataset list", (*_SCOPE, *COMMON)),
    Cmdlet(
        "Upload-AmlDataset",
        MODULE,
        "dataset upload",
        (
            Parameter("FileFormat", "--format"),
            Parameter("DatasetName", "--name"),
            Parameter("Description", "--description"),
            Parameter("UploadFileName", "FILE"),
            *COMMON,
        ),
        "In blocks; waits for the schema with pauses.",
    ),
    Cmdlet(
        "Download-AmlDataset",
        MODULE,
        "dataset download",
        (Parameter("DatasetId", "DATASET"), Parameter("DownloadFileName", "--out"), *COMMON),
        _FILE,
    ),
    Cmdlet("Remove-AmlDataset", MODULE, "dataset remove", (Parameter("DatasetFamilyId", "DATASET"), *COMMON), YES),
    _promote("Dataset", "ModuleNodeId", "dataset"),
)

_MODELS: Final = (
    Cmdlet("Get-AmlTrainedModel", MODULE, "trained-model list", (*_SCOPE, *COMMON)),
    Cmdlet("Get-AmlTransform", MODULE, "transform list", (*_SCOPE, *COMMON)),
    _promote("TrainedModel", "TrainModuleNodeId", "trained-model"),
    _promote("Transform", "TransformModuleNodeId", "transform"),
)

_MODULES: Final = (
    Cmdlet(
        "New-AmlCustomModule", MODULE, "module create", (Parameter("CustomModuleZipFileName", "FILE"), *COMMON), YES
    ),
    Cmdlet("Get-AmlModule", MODULE, "module list", (Parameter("Custom", "--custom", switch=True), *COMMON)),
)

_OTHERS: Final = (
    Cmdlet("Get-AmlAnnotation", MODULE, "annotation list", (Parameter("ExperimentId", "EXPERIMENT"), *COMMON)),
    Cmdlet("Get-AmlProjectContainer", MODULE, "project list", COMMON),
    Cmdlet("Get-AmlNotebook", MODULE, "notebook list", COMMON),
    Cmdlet("Get-AmlGateway", MODULE, "gateway list", COMMON, "Registration keys are not shown."),
    Cmdlet("Get-AmlNotebookAttachmentName", MODULE, "notebook attachments", (Parameter("FamilyId", "FAMILY"), *COMMON)),
    Cmdlet(
        "Get-AmlNotebookSession",
        MODULE,
        "notebook session",
        (Parameter("FamilyId", "FAMILY"), *COMMON),
        "The addresses whole, with what opens them, only with --show.",
    ),
)

CMDLETS: Final = (*_DATASETS, *_MODELS, *_MODULES, *_OTHERS)
