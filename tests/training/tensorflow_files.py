"""Files of TensorFlow for tests, written byte by byte."""

import struct

import numpy as np

from img_repr.training.tensorflow_file import BUNDLE


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(entries, *, shared=True):
    out, last = b"", b""
    for key, value in entries:
        same = 0
        while shared and same < min(len(key), len(last)) and key[same] == last[same]:
            same += 1
        out += varint(same) + varint(len(key) - same) + varint(len(value)) + key[same:] + value
        last = key
    return out + struct.pack("<II", 0, 1)


def table(entries, *, compression=0):
    """A LevelDB table of one block of data: format of github.com/google/leveldb, doc/table_format.md."""
    data = block(entries)
    trailer = bytes([compression]) + b"\0" * 4
    index = block([(b"\xff", varint(0) + varint(len(data)))])
    offset = len(data) + 5
    meta = block([])
    footer = varint(offset + len(index) + 5) + varint(len(meta)) + varint(offset) + varint(len(index))
    footer = footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return data + trailer + index + b"\0" * 5 + meta + b"\0" * 5 + footer


def write_bundle(folder, tensors, **options):
    """A SavedModel's folder of variables; whole numbers among them are a counter, as training writes one."""
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    entries, data = [(b"", field(1, 1))], b""
    for name, value in sorted(tensors.items()):
        kind = 1 if value.dtype == np.float32 else 9
        shape = b"".join(field(2, field(1, side)) for side in value.shape)
        entry = field(1, kind) + field(2, shape) + field(4, len(data)) + field(5, value.nbytes)
        entries.append((name.encode(), entry + varint(6 << 3 | 5) + b"\1\2\3\4"))
        data += value.tobytes()
    (folder / "variables" / "variables.index").write_bytes(table(entries, **options))
    (folder / "variables" / BUNDLE).write_bytes(data)
    return folder
