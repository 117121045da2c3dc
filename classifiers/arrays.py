"""Named arrays in one file (numpy's .npz), read as data: no pickle, and nothing is unpacked unmeasured."""

import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAX_MEMBERS: Final = 64
_SUFFIX: Final = ".npy"
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER: Final = re.compile(
    rb"\x93NUMPY\x01\x00.."  # and the header's length, which the form below makes known
    rb"\{'descr': '(?P<descr><[iuf][248]|\|[biu]1)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:\d{1,12},? ?){0,4})\), \} *\n",
    re.DOTALL,
)
_BROKEN: Final = (
    ValueError,
    KeyError,
    OSError,
    EOFError,
    RuntimeError,  # encrypted
    zipfile.BadZipFile,
    zlib.error,
)


def pack(arrays: Mapping[str, Array]) -> bytes:
    """The same arrays give the same bytes; no clock and no names of this machine are in them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
            archive.writestr(_member(name), member.getvalue())
    return packed.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name + _SUFFIX)  # dated 1980
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


def unpack(packed: bytes, *, most_bytes: int) -> dict[str, Array]:
    """Arrays of numbers and truth values by name, not writable.

    What a member claims to hold is checked against its size before anything is reserved for it, and all sizes
    together against `most_bytes`.

    Raises:
        ValueError: not such a file, altered, or larger than allowed when unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            _check_sizes(members, most_bytes)
            return {one.filename.removesuffix(_SUFFIX): _array(_read(archive, one)) for one in members}
    except _BROKEN as error:
        raise ValueError(f"not a readable array file ({error})") from error


def _check_sizes(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    unpacked = sum(one.file_size for one in members)
    if unpacked > most_bytes:
        raise ValueError(f"it unpacks to {unpacked} bytes, more than {most_bytes}")
    if len(members) > MAX_MEMBERS or len({one.filename for one in members}) < len(members):
        raise ValueError(f"it has {len(members)} members, some of them twice or more than {MAX_MEMBERS}")
    for one in members:
        if one.compress_type not in _PACKINGS or not one.filename.endswith(_SUFFIX):
            raise ValueError(f"{one.filename[:80]!r} is not an array packed as numpy packs them")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """What it says it holds, and one byte to tell that there is more.

    Read with a limit: without one zipfile inflates all that is there, and only then cuts it to size.
    """
    with archive.open(member) as file:
        return file.read(member.file_size + 1)


def _array(data: bytes) -> Array:
    header = _HEADER.match(data)
    if header is None:
        raise ValueError("an array is not of numbers, by row, as numpy's format 1.0 writes them")
    dtype = np.dtype(header["descr"].decode())
    shape = tuple(int(length) for length in re.findall(rb"\d+", header["shape"]))
    start = header.end()
    if math.prod(shape) * dtype.itemsize != len(data) - start:
        raise ValueError(f"an array says it is {dtype}{shape} and holds {len(data) - start} bytes")
    return np.frombuffer(data, dtype, offset=start).reshape(shape)
