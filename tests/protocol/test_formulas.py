r"""Formulas in every spelling that models use, and money as money."""

from __future__ import annotations

import pytest

from aqueduct_jupyter.protocol.formulas import with_dollar_signs, with_plain_dollars

F = "```"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"the mean \(\bar{x}\) is", r"the mean $\bar{x}$ is"),
        (r"so \[ x = \frac{1}{n} \] holds", r"so $$x = \frac{1}{n}$$ holds"),
        ("\\[\na + b\n\\]", "$$a + b$$"),
        (
            "the price is $3.50 per unit, or $7 for two",
            r"the price is \$3.50 per unit, or \$7 for two",
        ),
        ("$5/$6 and $ alone", r"\$5/\$6 and \$ alone"),
        ("between $10 and $20.", r"between \$10 and \$20."),
        ("$x$ and $y_1 + 2$.", "$x$ and $y_1 + 2$."),
        ("$$x$$ stays", "$$x$$ stays"),
        ("a $5 bill and $x$", r"a \$5 bill and $x$"),
        (r"an escaped \$5 stays", r"an escaped \$5 stays"),
        (r"$\$5 + x$", r"$\$5 + x$"),
        ("code `$HOME and $PATH` stays", "code `$HOME and $PATH` stays"),
        (
            f"{F}bash\necho $HOME $PATH \\(x\\)\n{F}\n$3",
            f"{F}bash\necho $HOME $PATH \\(x\\)\n{F}\n\\$3",
        ),
        ("~~~\n$1\n~~~", "~~~\n$1\n~~~"),
        (f"{F}\n$1 and $2", f"{F}\n$1 and $2"),
        (r"a matrix \\[2pt] of rows", r"a matrix \\[2pt] of rows"),
        ("| a | b |\n|--|--|\n| $1 | $2 |", "| a | b |\n|--|--|\n| \\$1 | \\$2 |"),
        ("first $5\n\nsecond $6", "first \\$5\n\nsecond \\$6"),
        (r"open \( without an end", r"open \( without an end"),
        (r"open \( before \(x\)", r"open \( before $x$"),
        (r"open \[ before \[x \\[2pt] y\]", r"open \[ before $$x \\[2pt] y$$"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_each_spelling(text: str, written: str) -> None:
    assert with_dollar_signs(text) == written
    # What is written stays as it is.
    assert with_dollar_signs(written) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("It is \\$3.50, or \\$7.", "It is <span>\\$</span>3.50, or <span>\\$</span>7."),
        ("`\\$5` and $x$", "`\\$5` and $x$"),
        (f"{F}\n\\$1\n{F}", f"{F}\n\\$1\n{F}"),
        ("a \\\\ b", "a \\\\ b"),
        ("nothing", "nothing"),
    ],
)
def test_an_amount_stands_in_an_element_of_its_own(text: str, written: str) -> None:
    assert with_plain_dollars(text) == written
