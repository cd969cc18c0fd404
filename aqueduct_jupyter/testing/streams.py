"""nbval support for outputs that change: display updates and cleared outputs.

nbval 0.11 compares outputs as first shown, so a correct streamed cell fails. This module rewrites
the messages on their way to nbval: an update changes the output that it names, and a cleared output
disappears. nbval does the comparison.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

__all__ = ["Rewriter"]

_IGNORED = {"msg_type": "status", "content": {"execution_state": "busy"}}
"""A message that nbval ignores."""


class Rewriter:
    """Rewrites the messages of one kernel.

    Attributes:
        outputs: the list in which nbval collects the outputs of the running cell.
    """

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self._shown: dict[str, NotebookNode] = {}
        self._clears_next = False

    def rewrite(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the message for nbval in place of one from the kernel."""
        kind, content = message["msg_type"], message["content"]
        if kind == "update_display_data":
            self._update(content)
            return {**message, **_IGNORED}
        if kind == "clear_output":
            self._clear(waits=content.get("wait", False))
            return {**message, **_IGNORED}
        if kind in ("display_data", "execute_result", "stream", "error"):
            self._clear_if_due()
        if kind in ("display_data", "execute_result"):
            # nbval keeps a node without copying it, so it can be changed later.
            content["data"] = NotebookNode(content["data"])
            if display := content.get("transient", {}).get("display_id"):
                self._shown[display] = content["data"]
        return message

    def _update(self, content: dict[str, Any]) -> None:
        shown = self._shown.get(content["transient"]["display_id"])
        if shown is not None:
            shown.clear()
            shown.update(content["data"])

    def _clear(self, *, waits: bool) -> None:
        self._clears_next = waits
        if not waits:
            self.outputs.clear()

    def _clear_if_due(self) -> None:
        if self._clears_next:
            self._clears_next = False
            self.outputs.clear()
