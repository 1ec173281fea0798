"""`AzureMLPS`: experiments and their graphs (classic-api.md section 9)."""

from __future__ import annotations

from typing import Final

from retrainctl.parity.classic import COMMON, MODULE, YES
from retrainctl.parity.entry import NOT_REPRODUCED, Cmdlet, Parameter

_EXPERIMENT: Final = Parameter("ExperimentId", "EXPERIMENT")
_LAYOUT: Final = f"{NOT_REPRODUCED}the layout service that it called no longer exists"
_GALLERY: Final = f"{NOT_REPRODUCED}the gallery no longer exists, and the cmdlet itself warned of an unsupported API"


_GRAPHS: Final = (
    Cmdlet(
        "Get-AmlExperiment",
        MODULE,
        "experiment list",
        (_EXPERIMENT._replace(command="experiment get"), *COMMON),
        "",
        {"ExperimentId": "experiment get"},
    ),
    Cmdlet(
        "Export-AmlExperimentGraph",
        MODULE,
        "experiment export",
        (_EXPERIMENT, Parameter("OutputFile", "--out"), *COMMON),
    ),
    Cmdlet(
        "Import-AmlExperimentGraph",
        MODULE,
        "experiment import",
        (
            Parameter("InputFile", "FILE"),
            Parameter("Overwrite", "--overwrite", switch=True),
            Parameter("NewName", "--name", "Refused together with --overwrite, where the cmdlet ignores it."),
            *COMMON,
        ),
        YES,
    ),
    Cmdlet(
        "Start-AmlExperiment",
        MODULE,
        "experiment run",
        (_EXPERIMENT, *COMMON),
        "Pauses between polls and ends on every state that is an end.",
    ),
    Cmdlet("Remove-AmlExperiment", MODULE, "experiment remove", (_EXPERIMENT, *COMMON), YES),
    Cmdlet(
        "Copy-AmlExperiment",
        MODULE,
        "experiment copy",
        (
            _EXPERIMENT,
            Parameter("NewExperimentName", "--name"),
            Parameter("DestinationLocation", "--to", "An environment names workspace, location and token."),
            Parameter("DestinationWorkspaceId", "--to", "`classic.workspace` of that environment."),
            Parameter("DestinationWorkspaceAuthorizationToken", "--to", "`classic.token` of that environment."),
            *COMMON,
        ),
        YES,
    ),
    Cmdlet(
        "Copy-AmlExperimentFromGallery",
        MODULE,
        "",
        tuple(
            Parameter(name, "", _GALLERY)
            for name in ("PackageUri", "GalleryUri", "EntityId", *(one.name for one in COMMON))
        ),
        _GALLERY,
    ),
)

_NODES: Final = (
    Cmdlet(
        "Get-AmlExperimentNode",
        MODULE,
        "experiment nodes",
        (_EXPERIMENT, Parameter("Comment", "--comment"), *COMMON),
    ),
    Cmdlet(
        "Download-AmlExperimentNodeOutput",
        MODULE,
        "experiment node-output",
        (
            _EXPERIMENT,
            Parameter("NodeId", "--node"),
            Parameter("OutputPortName", "--port"),
            Parameter("DownloadFileName", "--out"),
            Parameter("OutputType", "--type"),
            *COMMON,
        ),
    ),
    Cmdlet(
        "Update-AmlExperimentModule",
        MODULE,
        "experiment update-modules",
        (
            _EXPERIMENT,
            Parameter("All", "--all", switch=True),
            Parameter("ModuleName", "--module"),
            *COMMON,
        ),
        YES,
    ),
    Cmdlet(
        "Replace-AmlExperimentUserAsset",
        MODULE,
        "experiment replace-asset",
        (
            _EXPERIMENT,
            Parameter("AssetType", "--type"),
            Parameter("ExistingAsset", "--existing", "An id, a family id or a name in place of an object."),
            Parameter("NewAsset", "--new", "The same; a family or a name stands for its latest version."),
            *COMMON,
        ),
        YES,
    ),
    Cmdlet(
        "Update-AmlExperimentUserAsset",
        MODULE,
        "experiment update-assets",
        (
            _EXPERIMENT,
            Parameter("All", "--all", switch=True),
            Parameter("AssetName", "--asset"),
            Parameter("AssetType", "--type"),
            *COMMON,
        ),
        f"Every asset gets its own port and id. {YES}",
    ),
    Cmdlet(
        "Layout-AmlExperiment",
        MODULE,
        "",
        tuple(Parameter(name, "", _LAYOUT) for name in ("ExperimentId", *(one.name for one in COMMON))),
        _LAYOUT,
    ),
    Cmdlet(
        "Export-AmlWebServiceDefinitionFromExperiment",
        MODULE,
        "experiment export-definition",
        (_EXPERIMENT, Parameter("OutputFile", "--out"), *COMMON),
    ),
)

CMDLETS: Final = (*_GRAPHS, *_NODES)
