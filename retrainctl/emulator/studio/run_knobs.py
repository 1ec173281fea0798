"""Switches of experiments: their runs, saving, deploying, packages (classic-api.md sections 6 and 6.2)."""

from __future__ import annotations

from typing import Final

from retrainctl.emulator.knobs import Knob

_WHERE: Final = "the path pattern is matched against the path, a blank, and the experiment's name"


def _choice(name: str, choices: tuple[str, ...], meaning: str) -> Knob:
    return Knob(name=f"studio-{name}", form="choice", default=choices[0], choices=choices, meaning=meaning)


def _seconds(name: str, meaning: str) -> Knob:
    return Knob(name=f"studio-{name}", form="number", default="0", meaning=meaning)


def _fault(name: str, meaning: str) -> Knob:
    return Knob(name=f"studio-{name}", form="trigger", default="never", meaning=f"{meaning}; {_WHERE}")


RUN_KNOBS: Final = (
    _seconds("run-seconds", "seconds that a run lasts at least; 20 with realistic (a guess)"),
    _fault("run-fail", "a run ends Failed"),
    _fault("run-cancel", "a run is cancelled, as if somebody had done it in Studio"),
    _fault("run-stick", "a run stays Running for ever"),
    _choice("run-cancelled", ("Canceled", "Cancelled"), "the word for a run that was cancelled"),
    _choice("save-etag", ("check", "ignore"), "a save with an If-Match that is not the Etag: 412, or done"),
    _choice("save-running", ("reject", "replace"), "a save over an experiment that runs: 409, or the run is cancelled"),
    _choice("copy-service", ("drop", "keep"), "whether a copy belongs to the web service of its original"),
    _choice("outputdata", ("bytes", "redirect"), "outputdata: the bytes, or 302 to the blob"),
    _seconds("package-seconds", "seconds of packing and of unpacking; 10 with realistic (a guess)"),
    _choice("package-wait", ("Running", "Pending", "InProgress"), "word for an activity of packing that goes on"),
    _fault("package-fail", "an activity of packing or unpacking ends Failed"),
    _fault("deploy-fail", "a deployment ends Failed"),
)
