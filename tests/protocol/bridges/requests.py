"""Strategies for the requests of any API."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["JSON", "some"]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "id", "name", "format", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
"""Any JSON, with names that requests have."""


def some(types: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of one of the types, with fields of which many belong to other types."""
    return st.fixed_dictionaries({"type": st.sampled_from(types.split()), **fields})
