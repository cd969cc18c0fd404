"""What a model gets to see: each type, each reference, and what goes when there is no room."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.kernel.context import Context, FilePart, ImagePart, Piece, Rank, fit, register
from aqueduct_jupyter.kernel.describers import describe
from aqueduct_jupyter.kernel.references import look_up, split_references
from aqueduct_jupyter.protocol.errors import CellError

from ..gateway.documents import samples
from .conftest import Shell


class TestTypes:
    def test_a_pandas_table(self) -> None:
        import pandas

        frame = pandas.DataFrame({"city": ["Rome", None] * 5, "size": range(10)})
        text = describe("df", frame).text
        assert text.startswith("<df>\npandas table of 10 rows and 2 columns\n")
        assert "size: int64, 0 null" in text
        assert "city: " in text
        assert ", 5 null" in text
        assert "mean" in text
        assert "first 5 rows as CSV:\ncity,size\nRome,0\n" in text

    def test_tables_without_rows_or_columns(self) -> None:
        import pandas
        import polars

        assert "0 rows and 0 columns" in describe("a", pandas.DataFrame()).text
        assert "0 rows and 1 columns" in describe("a", pandas.DataFrame({"x": []})).text
        assert "of 0 rows" in describe("a", polars.DataFrame({"x": []})).text
        wide = pandas.DataFrame([range(300)])
        assert "and 200 more columns" in describe("a", wide).text

    def test_a_polars_table_and_columns_of_both(self) -> None:
        import pandas
        import polars

        frame = polars.DataFrame({"size": [1, 2, None]})
        text = describe("df", frame).text
        assert "polars table of 3 rows and 1 columns" in text
        assert "size: Int64, 1 null" in text
        assert "pandas table of 2 rows" in describe("s", pandas.Series([1, 2])).text
        assert "polars table of 3 rows" in describe("s", frame["size"]).text

    def test_tables_that_libraries_cannot_write_are_described_all_the_same(self) -> None:
        import pandas as pd
        import polars as pl

        twins = pd.DataFrame([[1, "a"], [2, "b"]], columns=["x", "x"])
        assert "x: int64, 0 null\nx: " in describe("t", twins).text
        lists = pl.DataFrame({"a": [[1], [2]], "b": [{"c": 1}, {"c": 2}], "d": [b"x", b"y"]})
        assert "{'a': [1], 'b': {'c': 1}, 'd': b'x'}" in describe("t", lists).text
        objects = pl.DataFrame({"o": [object()]})
        assert "1 rows and 1 columns" in describe("t", objects).text
        assert "0 rows and 0 columns" in describe("t", pl.DataFrame()).text

    def test_an_object_that_cannot_show_itself_is_said(self) -> None:
        class Broken:
            def __repr__(self) -> str:
                raise RuntimeError("no")

        with pytest.raises(CellError, match="'b' cannot be described"):
            describe("b", Broken())

    def test_a_describer_that_fails_falls_back_and_says_so(self) -> None:
        class Odd:
            def __repr__(self) -> str:
                return "Odd()"

        @register("tests", "Odd")
        def _odd(_name: str, _value: object) -> Context:
            raise ZeroDivisionError

        text = describe("o", Odd()).text
        assert "its description failed (ZeroDivisionError)" in text
        assert "Odd()" in text

    def test_an_array(self) -> None:
        import numpy

        text = describe("a", numpy.arange(12.0).reshape(3, 4)).text
        assert "numpy array of shape (3, 4) and type float64" in text
        assert "least 0.0, greatest 11.0" in text

    def test_a_figure_its_axes_and_a_picture_are_images(self) -> None:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
        from PIL import Image

        figure, axes = plt.subplots()
        for value in (figure, axes, Image.new("RGB", (2, 2))):
            (part,) = describe("fig", value).parts
            assert isinstance(part, ImagePart)
            assert part.data.startswith(b"\x89PNG")
            assert part.part()["image_url"]["url"].startswith("data:image/png;base64,")
        plt.close(figure)

    def test_an_exception_is_what_was_raised_and_its_last_frames(self) -> None:
        def deep(level: int) -> None:
            if level:
                deep(level - 1)
            raise ValueError("the reason")

        with pytest.raises(ValueError, match="the reason") as caught:
            deep(20)
        text = describe("err", caught.value).text
        assert text.count("File ") == 4
        assert "frames before]" in text
        assert text.endswith("ValueError: the reason\n</err>")

    def test_functions_modules_and_anything_else(self) -> None:
        assert "def describe(" in describe("f", describe).text
        assert "The describers for" in describe("m", sys.modules[describe.__module__]).text
        assert "<built-in function len>" in describe("len", len).text
        assert describe("s", "words").text == "<s>\nwords\n</s>"
        assert describe("d", {"a": 1}).text == "<d>\n{'a': 1}\n</d>"

    def test_a_new_type_can_be_registered(self) -> None:
        class Bridge:
            pass

        module = Bridge.__module__.partition(".")[0]
        register(module, "Bridge", lambda name, _: Context(name, [Piece("a bridge")]))
        assert describe("b", Bridge()).text == "<b>\na bridge\n</b>"


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
