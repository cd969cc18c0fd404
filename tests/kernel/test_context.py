"""What references mean, and what goes when there is no room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.kernel.context import Context, FilePart, ImagePart, Piece, Rank, fit
from aqueduct_jupyter.kernel.references import look_up, split_references
from aqueduct_jupyter.protocol.errors import CellError

from ..gateway.documents import samples
from .conftest import Shell


class TestReferences:
    def test_words_are_split_at_their_commas(self) -> None:
        assert split_references("df, rows[0] ,d['a,b'],@notebook,") == [
            *("df", "rows[0]", "d['a,b']", "@notebook")
        ]

    def test_names_inputs_and_outputs(self) -> None:
        names = {"rows": [1, 2], "In": ["", "x = 1\n"], "Out": {3: "three"}}
        assert look_up("rows[1]", names).text == "<rows[1]>\n2\n</rows[1]>"
        assert look_up("Out[3]", names).text == "<Out[3]>\nthree\n</Out[3]>"
        assert look_up("In[1]", names).text == "<In[1]>\n```python\nx = 1\n```\n</In[1]>"

    def test_a_name_wins_over_a_file(self, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "df").write_text("file")
        assert "name" in look_up("df", {"df": "name"}).text
        assert look_up("df", {}).parts

    def test_files_are_images_or_go_to_the_server(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(samples.png())
        (tmp_path / "a.pdf").write_bytes(samples.pdf("x"))
        (image,) = look_up(str(tmp_path / "a.png"), {}).parts
        assert isinstance(image, ImagePart)
        (file,) = look_up(str(tmp_path / "a.pdf"), {}).parts
        assert isinstance(file, FilePart)
        assert file.part() == {
            "type": "file",
            "file": {"filename": "a.pdf", "sha256": file.sha256},
        }

    def test_cells_and_the_whole_notebook(self, tmp_path: Path) -> None:
        path = tmp_path / "work.ipynb"
        cells = [{"cell_type": "markdown", "source": text} for text in ("one", "two")]
        path.write_bytes(samples.notebook(cells))
        names = {"__vsc_ipynb_file__": str(path)}
        (whole,) = look_up("@notebook", names).parts
        assert isinstance(whole, FilePart)
        assert whole.data == path.read_bytes()
        (cell,) = look_up("cell:2", names).parts
        assert isinstance(cell, FilePart)
        assert json.loads(cell.data)["cells"] == [cells[1]]
        with pytest.raises(CellError, match="has 2 cells"):
            look_up("cell:3", names)

    @pytest.mark.parametrize(
        ("reference", "says"),
        [
            ("nothing", "'nothing' is not defined"),
            ("missing.pdf", "cannot be read"),
            ("a/b", "cannot be read"),
            ("f()", "not a name"),
            ("cell:1", "never saved"),
            ("@notebook", "never saved"),
            ("Out[9]", "cannot be looked up"),
        ],
    )
    def test_what_means_nothing_is_said(
        self, reference: str, says: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
        with pytest.raises(CellError, match=says):
            look_up(reference, {"Out": {}, "f": len})


class TestBudget:
    def contexts(self) -> list[Context]:
        def table(name: str) -> Context:
            ranks = ("what", "columns", "statistics", "sample")
            return Context(
                name,
                [Piece(rank[0] * 300, Rank(place), rank) for place, rank in enumerate(ranks)],
            )

        return [table("a"), table("b")]

    def test_with_room_nothing_is_cut(self) -> None:
        contexts = self.contexts()
        assert fit(contexts, 800) == []
        assert "left out" not in contexts[0].text

    def test_samples_go_before_statistics_and_the_last_before_the_first(self) -> None:
        contexts = self.contexts()
        said = fit(contexts, 300)
        assert said == [*("b: sample", "a: sample", "b: statistics", "a: statistics", "b: columns")]
        assert "[left out: sample, statistics]" in contexts[0].text

    def test_at_last_text_is_shortened_and_says_so(self) -> None:
        contexts = self.contexts()
        said = fit(contexts, 150)
        assert said[-1] == "b: 150 of 300 characters"
        assert sum(len(p.text) for c in contexts for p in c.pieces) == 450


class TestInACell:
    def test_only_what_is_named_is_sent(self, shell: Shell) -> None:
        shell.names.update(secret="the secret", shown="the shown")
        shell.ask("Look", "--with shown")
        (message,) = shell.sent[0]["messages"]
        assert message["content"] == [
            {"type": "text", "text": "<shown>\nthe shown\n</shown>"},
            {"type": "text", "text": "Look"},
        ]
        assert "the secret" not in str(shell.sent)

    def test_what_was_cut_is_said(self, shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
        shell.names["text"] = "x" * 1000
        shell.run("%config ChatMagics.context_tokens = 100")
        shell.ask("Look", "--with text")
        assert "left out text: 700 of 1000 characters" in capsys.readouterr().out
