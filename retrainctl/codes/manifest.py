"""Error codes of manifests: files, YAML, expressions, fields, references, model versions."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

HIDES_SOURCE: Final = frozenset({"RC120"})
"""Findings whose source line must not be shown: it holds a secret."""

CODES: Final[dict[str, Code]] = {
    "RC101": Code(
        "Malformed YAML",
        "The file is not YAML here: an open bracket or quote, a colon too many, a line that is indented wrongly.",
        "Mend the line. Values with a colon and a blank, or that begin with a special character, need quotes.",
    ),
    "RC102": Code(
        "Unreadable text",
        "The file is not UTF-8, or holds a control character. PowerShell writes UTF-16 by default.",
        "Save it as UTF-8 and remove the character.",
    ),
    "RC103": Code(
        "Too large",
        "A file, a document, its aliases or a forEach exceed a limit that keeps memory and time bounded.",
        "Split the file, or use forEach with a CSV file.",
    ),
    "RC104": Code(
        "Duplicate key",
        "One mapping has the same key twice. YAML readers silently keep one of the two.",
        "Keep one.",
    ),
    "RC105": Code(
        "Ambiguous value",
        "An unquoted value that YAML 1.1 and YAML 1.2 read differently: on, no, 012, 1e3, 1:30, a date.",
        'Put it in quotes where text is meant ("no"), or write it plainly (true, 12, 1000).',
    ),
    "RC106": Code(
        "YAML feature that is not part of the language",
        "Tags, merge keys, keys that are no text and expressions without quotes are refused.",
        'Write the value out; put expressions in quotes: "{{ item.id }}".',
    ),
    "RC107": Code("Tab as indentation", "YAML indents with blanks only.", "Replace the tab by blanks."),
    "RC108": Code(
        "Not a manifest",
        "The document is empty, or no mapping with apiVersion, kind, metadata and spec.",
        "Write a manifest, or leave the file out of spec.manifests.",
    ),
    "RC109": Code(
        "File cannot be read",
        "A file that is named does not exist, is no regular file, or may not be read.",
        "Check the path (relative to the file that names it) and its permissions.",
    ),
    "RC110": Code(
        "File outside the project",
        "A path is absolute, or leads out of the project's folder, perhaps through a symbolic link.",
        "Keep every file inside the project's folder and name it relatively.",
    ),
    "RC112": Code(
        "Unknown kind",
        "There is no such kind of manifest in this version.",
        "Check the spelling; `retrainctl explain` and the reference list the kinds.",
    ),
    "RC113": Code(
        "Unknown field",
        "The kind has no such field at this place; it may be misspelled or indented wrongly.",
        "Rename, move or remove it. The published JSON Schema lists the fields.",
    ),
    "RC114": Code("Missing field", "A field that is needed is not there.", "Add it."),
    "RC115": Code(
        "Wrong type",
        "The value is of another type than the field takes. Values from CSV files are text.",
        "Change the value; quote text that looks like a number; cast CSV values: {{ item.n|int }}.",
    ),
    "RC116": Code(
        "Value not allowed", "The field takes only certain values.", "Use one of the values that are listed."
    ),
    "RC117": Code("Wrong form", "The text does not have the form that the field needs.", "Write it in that form."),
    "RC118": Code(
        "Out of bounds", "A number, a length or a count is outside of what the field takes.", "Use a value inside."
    ),
    "RC119": Code(
        "Second Project",
        "A project has exactly one document of kind Project, in its project file.",
        "Remove the other, or leave its folder out of spec.manifests.",
    ),
    "RC120": Code(
        "Secret in clear",
        "A SAS signature or an account key stands literally in a file of the project, where everybody can read it.",
        "Remove it, revoke it, and refer to it: {env: NAME}, {file: PATH} or {keyVault: URL, secret: NAME}."
        " A model version's uri needs no SAS: one is made when it is needed.",
    ),
    "RC121": Code(
        "Expression cannot be read",
        "What stands between {{ and }} is no expression of this language. There are look-ups, operators and filters,"
        " but no calls and no statements.",
        "Mend it; the reference lists operators and filters.",
    ),
    "RC122": Code(
        "Unknown name in an expression",
        "Expressions know item (with forEach), vars and environment, and the members that those have.",
        "Check the spelling, add the column or declare the variable.",
    ),
    "RC123": Code(
        "Expression without value",
        "The expression cannot be evaluated: text where a number is needed, a division by zero.",
        "Mend the expression or the value that it uses.",
    ),
    "RC124": Code(
        "Unsuitable result of an expression",
        "The result is too large, or is a list or mapping in the middle of a text.",
        "Pick one value, shorten it, or let the expression stand alone.",
    ),
    "RC126": Code(
        "Malformed CSV",
        "Rows and header do not fit, a quote is open, or columns are parted by something else than commas.",
        "Mend the row; put cells with commas in quotes; save with commas.",
    ),
    "RC130": Code(
        "Two resources with one address",
        "Two manifests, or two items of a forEach, have the same kind and name.",
        "Give one of them another name; in a forEach use `item` in metadata.name.",
    ),
    "RC131": Code(
        "Two manifests for one resource",
        "Two manifests with different names describe one and the same resource of the target.",
        "Keep one of them, or set spec.name or spec.resourceGroup.",
    ),
    "RC132": Code(
        "Unknown reference", "No manifest declares what this one refers to.", "Declare it, or mend the name."
    ),
    "RC133": Code("Circle", "Resources wait for each other, so none can be first.", "Remove one `after` or reference."),
    "RC134": Code("Unknown model", "A slot names a model that no manifest declares.", "Declare it, or mend the name."),
    "RC135": Code(
        "Unknown version",
        "A slot names a version that the model does not have.",
        "Record the version in the Model's manifest or CSV file, or name another.",
    ),
    "RC136": Code(
        "Version cannot serve there",
        "A Studio service reads its model from a blob; the version is a registered model, a job's output or a folder.",
        "Give the slot a version with a `file`, or with the https address of a blob as `uri`.",
    ),
    "RC140": Code(
        "Version declared twice",
        "A model has the same version number twice. A version never changes.",
        "Give the new one the next number.",
    ),
    "RC141": Code(
        "Versions not in order", "Versions ascend, so that the last one is the newest.", "Put them in order."
    ),
    "RC142": Code(
        "Unusable URI of a version",
        "The URI must be the https address of a blob, without user name, query or fragment.",
        "Leave the SAS out; one is made when it is needed.",
    ),
    "RC143": Code("Model file missing", "The local file of a version does not exist.", "Check the path."),
    "RC144": Code(
        "Bad row in a file of versions",
        "A column or cell of the CSV file is not what versions need.",
        "Columns: model, version, uri, file, sha256, etag, trainedAt, run, metrics.NAME.",
    ),
    "RC148": Code(
        "Model file has other content",
        "The SHA-256 of a version's local file is not the one that is declared.",
        "Restore the file, or record the new content as a new version.",
    ),
    "RC149": Code(
        "Pattern without effect",
        "A pattern under protect or freeze fits no declared resource.",
        "Mend or remove it.",
    ),
}
