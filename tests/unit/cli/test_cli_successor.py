"""The commands of a migration: `models package` and the options of `import --to`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import environment
from tests.support.ilearner_writer import ModelFile
from tests.support.inside import Inside


@pytest.fixture
def run(tmp_path: Path) -> Inside:
    (tmp_path / "model.ilearner").write_bytes(ModelFile().bytes())
    return Inside(tmp_path, environment())


def test_a_package_is_written_once(run: Inside) -> None:
    done = run("models", "package", "model.ilearner", "--out", "package")
    assert "wrote package/MLmodel" in done.out and "register it as mlflow_model" in done.err
    assert {path.name for path in (run.folder / "package").iterdir()} == {
        *("MLmodel", "conda.yaml", "model.onnx", "python_env.yaml", "requirements.txt"),
    }
    assert "RC004" in run("models", "package", "model.ilearner", "--out", "package", code=1).err
    run("models", "package", "model.ilearner", "--as", "script", "--out", "own")
    assert (run.folder / "own/code/score.py").is_file()


def test_a_file_that_is_no_model_leaves_nothing_behind(run: Inside) -> None:
    (run.folder / "model.pkl").write_bytes(b"\x80\x04.")
    assert "RC702" in run("models", "package", "model.pkl", "--out", "package", code=1).err
    assert not (run.folder / "package").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "azureml", "--dir", "new"),
        ("--from-definition", "service.json"),
        ("--from-definition", "a", "--model", "b", "--to", "azureml", "--dir", "new", "exported.json"),
    ],
)
def test_a_successor_needs_all_its_options_and_nothing_else(run: Inside, arguments: tuple[str, ...]) -> None:
    run("import", *arguments, code=64)
    assert not (run.folder / "new").exists()
