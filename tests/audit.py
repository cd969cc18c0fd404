"""``make audit``: it asks which known vulnerabilities the pinned versions have.

The asking is pip-audit's; told here is what came, and that nothing came where no service answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__: list[str] = []

PINS = Path(__file__).parents[1] / "constraints.txt"
OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=15")


def main(program: str) -> int:
    """Audit the pins with a pip-audit; gives the exit code, which is 0 after an audit only."""
    command = [program, *OPTIONS, "--requirement", str(PINS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout or "{}").get("dependencies", [])
    # A package index that is a mirror answers for no package what is known of it.
    audited = [package for package in found if "skip_reason" not in package]
    bad = [package for package in audited if package["vulns"]]
    for package in bad:
        names = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
        print(f"{package['name']} {package['version']}: {names}")
    if not audited:
        print("Nothing was audited: the vulnerability service does not answer from here.")
        return 1
    if unknown := len(found) - len(audited):
        print(f"{unknown} packages are not known to the vulnerability service.")
    print(f"{len(bad)} of {len(audited)} audited packages have known vulnerabilities.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
