"""This file is ``make bench``: it runs every measurement and prints what each found."""

from __future__ import annotations

from .start import measure_start

__all__: list[str] = []

if __name__ == "__main__":
    for line in measure_start():
        print(line, flush=True)
