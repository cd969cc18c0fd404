"""How arrays look to a model: numpy, torch, sparse matrices, and dask's, which are not computed."""

from __future__ import annotations

from typing import Any

from .context import Context, Piece, Rank, register
from .picture_describers import show_itself
from .stable_text import fingerprint

__all__ = ["MOST_VALUES"]

KEY_VALUES = 1_000_000
"""Values of which a recording's key is made."""

FIRST_ROWS = 5
"""How many rows of a sparse matrix are shown."""

MOST_VALUES = 5_000_000
"""Values from which statistics are computed; a larger array is sampled evenly."""


@register("numpy", "ndarray")
def _array(name: str, array: Any) -> Context:
    if array.dtype == object and (shown := show_itself(name, array)):
        return shown
    return _described(name, array, f"numpy array of shape {array.shape} and type {array.dtype}")


def _described(name: str, array: Any, title: str) -> Context:
    pieces = [Piece(title)]
    if statistics := _statistics(array):
        pieces.append(Piece(statistics, Rank.SUMMARY, "statistics"))
    # numpy's own repr shortens large arrays.
    pieces.append(Piece(repr(array), Rank.SAMPLE, "values"))
    return Context(name, pieces, key=_key(array))


def _key(array: Any) -> str:
    """Return what makes this array another one: its values, not how they are printed."""
    if array.dtype.hasobject:
        return ""
    thinned = array if array.size <= KEY_VALUES else array.flat[:: -(-array.size // KEY_VALUES)]
    return f"array {fingerprint(array.shape, array.dtype, thinned.tobytes())}"


def _statistics(array: Any) -> str:
    """Return the range and the mean of numbers; what is no number is counted."""
    if not array.size or array.dtype.kind not in "iufb" or array.dtype.names:
        return ""
    sample = ""
    if array.size > MOST_VALUES:
        step = -(-array.size // MOST_VALUES)
        # A slice of the first axis is no copy; a flat iterator makes one of the sample only.
        array = array[:: min(step, len(array))] if array.ndim == 1 else array.flat[::step]
        sample = f"of a sample of {array.size} values: "
    if array.dtype.kind == "f":
        numbers = array[abs(array) < float("inf")]
        missing = int((array != array).sum())  # NaN
        infinite = int(array.size - numbers.size - missing)
    else:
        numbers, missing, infinite = array, 0, 0
    counted = [
        *([f"{missing} NaN"] if missing else ()),
        *([f"{infinite} infinite"] if infinite else ()),
    ]
    if numbers.size:
        # Half precision and small integers would overflow.
        mean = numbers.mean(dtype="float64")
        counted.insert(0, f"least {numbers.min()}, greatest {numbers.max()}, mean {mean:g}")
    return sample + ", ".join(counted)


@register("torch", "Tensor")
def _tensor(name: str, tensor: Any) -> Context:
    title = f"torch tensor of shape {tuple(tensor.shape)} and type {tensor.dtype}"
    title += f" on {tensor.device}" + (", with gradient" if tensor.requires_grad else "")
    if tensor.is_sparse or tensor.device.type == "meta":
        return Context(name, [Piece(title), Piece(repr(tensor), Rank.SAMPLE, "values")])
    values = tensor.detach()
    if values.dtype.is_floating_point:
        values = values.float()  # numpy has no bfloat16
    return _described(name, values.cpu().numpy(), title)


@register("scipy", "spmatrix")
@register("scipy", "sparray")
@register("scipy", "_spbase")
def _sparse(name: str, matrix: Any) -> Context:
    title = (
        f"scipy sparse matrix of shape {matrix.shape}, type {matrix.dtype} and format "
        f"{matrix.format}, with {matrix.nnz} stored values"
    )
    pieces = [Piece(title)]
    if matrix.nnz and (statistics := _statistics(matrix.data)):
        pieces.append(Piece(f"stored values: {statistics}", Rank.SUMMARY, "statistics"))
    first = matrix[:FIRST_ROWS] if len(matrix.shape) == 2 else matrix
    pieces.append(Piece(str(first), Rank.SAMPLE, "values"))
    return Context(name, pieces)


@register("dask", "Array")
def _dask_array(name: str, array: Any) -> Context:
    title = f"dask array of shape {array.shape} and type {array.dtype}"
    return Context(name, [Piece(f"{title} in chunks of {array.chunksize}, not computed yet")])
