"""Snapshots as bytes: plain data and numpy columns, no pickle."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from twins.core.errors import InvalidSnapshot

_ARRAY = "__columns__"


def pack(state: Any) -> bytes:  # noqa: ANN401 - any plain data
    """Write plain data (and numpy arrays in it) as MessagePack."""
    return msgspec.msgpack.encode(state, enc_hook=_array_out)


def unpack(data: bytes) -> Any:  # noqa: ANN401
    """Read what :func:`pack` wrote.

    Raises:
        InvalidSnapshot: If the bytes are none of ours.
    """
    try:
        return _arrays_in(msgspec.msgpack.decode(data))
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise InvalidSnapshot(f"not a snapshot of a world: {error}") from error


def _array_out(value: object) -> dict[str, Any]:
    if isinstance(value, np.ndarray):
        return {
            _ARRAY: value.dtype.str,
            "shape": list(value.shape),
            "data": np.ascontiguousarray(value).tobytes(),
        }
    raise TypeError(f"a snapshot holds plain data and arrays, not {type(value).__name__}")


def _arrays_in(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        if _ARRAY in value:
            array = np.frombuffer(value["data"], dtype=value[_ARRAY])
            return array.reshape(value["shape"]).copy()
        return {key: _arrays_in(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_arrays_in(item) for item in value]
    return value
