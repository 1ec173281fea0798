"""Error codes of model files: reading, converting, scoring, and whether a model fits its service."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

_DOWNLOAD: Final = "Download the blob again and compare its SHA-256 with the recorded one."
_SAMPLE: Final = "Share a sample file of this kind in an issue of the project; the layout is never guessed."

CODES: Final[dict[str, Code]] = {
    "RC701": Code(
        "Not a Studio model file",
        "The first bytes are not those of a .NET binary stream, whatever the file's name says.",
        "Check that the URI or path is the model itself and that the download is complete.",
    ),
    "RC702": Code(
        "A Python pickle",
        "The Azure ML designer writes pickles under the .ilearner name. Reading one runs code from the file.",
        "Export the model from its own environment, for example as ONNX.",
    ),
    "RC703": Code(
        "A designer placeholder",
        "The Azure ML designer writes a file of two characters, {}, under the .ilearner name.",
        "Look for the model beside it in the designer's output folder.",
    ),
    "RC704": Code(
        "A ZIP archive",
        "A designer download or an ML.NET model; neither is a Studio model file.",
        "Unpack it and use the model inside, if it is of a kind that can be read.",
    ),
    "RC705": Code("Damaged model stream", "The .NET binary stream breaks its own rules at the named byte.", _DOWNLOAD),
    "RC706": Code(
        "Over a limit",
        "The file asks for more memory, objects or levels than the reader's declared limits allow.",
        "If the file is sound and really that large, raise the limit named in the message.",
    ),
    "RC707": Code(
        "Damaged part of a model file",
        "A compressed part or a model container inside the file breaks its own rules at the named byte.",
        _DOWNLOAD,
    ),
    "RC708": Code(
        "The model file contradicts itself",
        "Weights, slot names and feature columns are stored more than once and do not agree.",
        _DOWNLOAD,
    ),
    "RC709": Code(
        "The file cannot be opened", "It is missing, or its rights forbid reading.", "Check path and rights."
    ),
    "RC710": Code(
        "Model not fully understood",
        "The file can be inspected, but a part that decides the score has a layout that no public file proves.",
        _SAMPLE,
    ),
    "RC711": Code(
        "Model cannot become ONNX",
        "A column's name is empty or is that of an output, which ONNX does not allow.",
        "Score the model file itself; it needs no conversion.",
    ),
    "RC712": Code(
        "ONNX model cannot be used",
        "ONNX Runtime refuses it, it keeps weights in other files, or its inputs are not columns by name.",
        "Give it one input per column, of shape [rows] or [rows, 1], and keep its weights inside.",
    ),
    "RC713": Code(
        "Model cannot be deployed without code",
        "An output of the ONNX model is neither one value nor one value per class for every row.",
        "Package it with a scoring script of its own: `retrainctl models package --as script`.",
    ),
    "RC720": Code(
        "A library is missing",
        "Converting and scoring need numpy, onnx and onnxruntime, which are optional.",
        "pip install 'retrainctl[models]'",
    ),
    "RC721": Code(
        "Columns are missing",
        "A row lacks columns that the model takes.",
        "Name the columns as `models inspect` lists them.",
    ),
    "RC722": Code(
        "A value does not fit its column",
        "A numeric column got something that is no number, or one that single precision cannot hold.",
        "Mend the value, or leave the cell empty: such a row has no score.",
    ),
    "RC723": Code(
        "The definition does not say what to score",
        "It lacks the named input, its table of columns, or an example request with one value per column.",
        "Name one of the inputs that the message lists, or give rows of your own.",
    ),
    "RC724": Code(
        "A module before the model is not run here",
        "The service transforms numbers before scoring. The transformation is not part of the model file.",
        "Give the rows as they leave the transformation, by the model's column names.",
    ),
    "RC750": Code(
        "Column types do not fit",
        "The model was trained on numbers where the service feeds text, or the other way round.",
        "Retrain on data with the service's types, or change the service first.",
    ),
    "RC751": Code(
        "Columns do not fit",
        "The model takes columns that the service does not give it.",
        "Check that this is the right model for this service.",
    ),
    "RC752": Code(
        "Values never seen",
        "The service's input schema allows values that the model was not trained on.",
        "Retrain on data that has them, or accept that such rows are scored as unknown.",
    ),
    "RC753": Code(
        "Label type does not fit",
        "The model's labels have another type than the service's Scored Labels.",
        "Retrain with a label of the service's type.",
    ),
    "RC754": Code(
        "The new model has another shape",
        "Its algorithm, columns, column types or label differ from those of the version that it replaces.",
        "Retrain on data of the same shape, or change the service first.",
    ),
}
