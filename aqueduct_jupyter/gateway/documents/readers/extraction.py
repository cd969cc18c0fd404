"""kreuzberg: what it makes of a document, and what its complaints mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kreuzberg import ExtractionResult

__all__ = ["extract"]


def extract(data: bytes, media_type: str, output: str) -> ExtractionResult:
    """Have kreuzberg read a document; ``output`` is ``plain`` or ``markdown``."""
    import kreuzberg

    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,  # type: ignore[call-arg]  # there, but not in kreuzberg's stubs
        enable_quality_processing=False,
        postprocessor=kreuzberg.PostProcessorConfig(enabled=False),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
        output_format=output,
    )
    return kreuzberg.extract_bytes_sync(data, media_type, config)
