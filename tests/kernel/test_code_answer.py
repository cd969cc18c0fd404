"""The code in an answer: blocks as Markdown's dialects write them, other languages, or none."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.kernel.code_answer import code_of
from aqueduct_jupyter.kernel.notebook import CELLS_MIMETYPE

from ..standin import DONE, chunk
from .conftest import Shell

FENCE = "```"


@pytest.mark.parametrize(
    "info",
    [
        *("", "python", "Python", "py", "python3", "ipython", " python ", "{python}"),
        *("{.python .numberLines}", "python title='a.py'", "{python, echo=FALSE}", "{code-cell} "),
    ],
)
def test_python_is_found_by_any_spelling(info: str) -> None:
    found = code_of(f"Sure:\n\n{FENCE}{info}\nx = 1\n{FENCE}\nDone.")
    if info == "{code-cell} ":
        assert found.left_out == ["code-cell"]
    else:
        assert found.python == "x = 1\n"


def test_a_session_is_what_was_typed() -> None:
    session = f"{FENCE}pycon\n>>> for n in [1]:\n...     print(n)\n...\n1\n>>> x = 2\n{FENCE}"
    assert code_of(session).python == "for n in [1]:\n    print(n)\n\nx = 2\n"
    shell = f"{FENCE}console\n$ ls\na.txt\n$ pwd\n{FENCE}"
    assert code_of(shell).python == "%%bash\nls\npwd\n"


def test_other_languages_are_cells_of_their_own_or_said() -> None:
    blocks = [("python", "x = 1"), ("bash", "ls"), ("sql", "SELECT 1"), ("json", "{}"), ("py", "y")]
    text = "\n\n".join(f"{FENCE}{info}\n{code}\n{FENCE}" for info, code in blocks)
    found = code_of(text, {"bash", "html"})
    assert found.python == "x = 1\n\ny\n"
    assert found.cells == ["x = 1\n", "%%bash\nls\n", "y\n"]
    assert found.left_out == ["sql", "json"]
    assert code_of(f"{FENCE}html\n<b>\n{FENCE}").python == "%%html\n<b>\n"
    assert code_of(f"{FENCE}bash\n\n%%bash\nls\n{FENCE}").python == "%%bash\nls\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1", "x = 1\n"),
        ("import os\nos.getcwd()", "import os\nos.getcwd()\n"),
        ("print(1)", "print(1)\n"),
        ("I cannot do that.", ""),
        ("Sorry", ""),
        ("", ""),
        ("42", ""),
        ("(" * 5000, ""),
    ],
)
def test_a_bare_text_is_code_only_if_it_is_python(text: str, code: str) -> None:
    assert code_of(text).python == code


def answered(shell: Shell, capsys: pytest.CaptureFixture[str], text: str) -> str:
    shell.standin.stream(chunk(text), DONE)
    capsys.readouterr()
    shell.ask("Write it", "-f code")
    return capsys.readouterr().out


def test_no_code_is_said(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert "The answer contains no code." in answered(shell, capsys, "I cannot do that.")
    assert shell.names["_chat"] == ""


def test_what_goes_into_other_cells_is_shown(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{FENCE}python\nx = 1\n{FENCE}\n{FENCE}bash\nls\n{FENCE}\n{FENCE}yaml\na: 1\n{FENCE}"
    said = answered(shell, capsys, text)
    assert "For a cell of its own:\n\n%%bash\nls" in said
    assert "Left out, because no cell can run it: yaml." in said
    assert shell.names["_chat"] == "x = 1\n"


def test_a_front_end_that_adds_cells_gets_all_of_them_in_their_order(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("aqueduct_jupyter.kernel.notebook_chat.can_add_cells", lambda _: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    monkeypatch.setattr(
        shell.shell, "set_next_input", lambda text, replace: shown.append({"next": (text, replace)})
    )
    blocks = [("python", "x = 1"), ("bash", "ls"), ("python", "print(x)")]
    text = "\n\n".join(f"{FENCE}{info}\n{code}\n{FENCE}" for info, code in blocks)
    shell.standin.stream(chunk(text), DONE)
    shell.ask("Write it", "-f code")
    assert shown[-2] == {"next": ("x = 1\n", False)}
    others = ["%%bash\nls\n", "print(x)\n"]
    assert shown[-1][CELLS_MIMETYPE] == {"first": "x = 1\n", "others": others}
    assert "For a cell of its own:\n\nprint(x)" in shown[-1]["text/plain"]
    assert shell.names["_chat"] == "x = 1\n\nprint(x)\n"


def test_a_shell_without_a_magic_says_so(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    said = answered(shell, capsys, f"{FENCE}sql\nSELECT 1\n{FENCE}")
    assert "no code" in said
    assert "no cell can run it: sql" in said


def test_names_are_those_that_python_would_find(shell: Shell) -> None:
    shell.shell.user_module.__dict__["GLOBAL"] = "of the module"
    local: dict[str, Any] = {**shell.shell.user_ns, "inner": "of the function"}
    local.pop("GLOBAL", None)
    shell.shell.user_ns = local
    shell.ask("@{GLOBAL} and @{inner}")
    assert shell.sent[-1]["messages"][-1]["content"] == "of the module and of the function"
