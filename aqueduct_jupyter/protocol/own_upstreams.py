"""The upstreams that come with this package, and what users are told about their models.

``labextension/src/view/model-picker.tsx`` says the same in the user's language;
``tests/samples/own-upstreams.json`` holds both to the same words.
"""

from __future__ import annotations

__all__ = ["EMBEDDED", "LABELS", "SCRIPTED"]

EMBEDDED = "local"
"""The upstream of the small model that runs on the server."""

SCRIPTED = "demo"
"""The upstream of the scripted models."""

LABELS = {
    EMBEDDED: "A demonstration, on this server",
    SCRIPTED: "Scripted, not a language model",
}
"""What is said about the models of each."""
