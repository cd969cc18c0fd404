"""This file is ``make bench``: it runs every measurement and prints what each found."""

from __future__ import annotations

from .browser import measure_page
from .display import measure_display
from .start import measure_start

__all__: list[str] = []

if __name__ == "__main__":
    for measure in (measure_start, measure_display, measure_page):
        for line in measure():
            print(line, flush=True)
