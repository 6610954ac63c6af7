"""Makes a small picture of a screenshot: python picture.py FROM TO MAX_BYTES [MAX_HEIGHT].

Reads a PNG file of 8 bits a channel, keeps at most 256 colours and the given height, and writes a
PNG file with a palette. Says how large it became; ends with 1 when that is too large. Needs nothing
but Python.
"""

import struct
import sys
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data):
    at = len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    if pa <= pb and pa <= pc:
        return a
    return b if pb <= pc else c


def rows(raw, width, height, step):
    """Undoes the filters of PNG (section 9)."""
    stride = width * step
    before = bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for x in range(stride):
            left = line[x - step] if x >= step else 0
            up = before[x]
            if kind == 1:
                line[x] = (line[x] + left) & 255
            elif kind == 2:
                line[x] = (line[x] + up) & 255
            elif kind == 3:
                line[x] = (line[x] + (left + up) // 2) & 255
            elif kind == 4:
                corner = before[x - step] if x >= step else 0
                line[x] = (line[x] + paeth(left, up, corner)) & 255
        before = line
        yield [tuple(line[x : x + 3]) for x in range(0, stride, step)]


def read(path):
    data = open(path, "rb").read()
    assert data.startswith(SIGNATURE), path
    packed = b""
    for kind, body in chunks(data):
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert (depth, interlace) == (8, 0) and colour in (2, 6), (depth, colour, interlace)
        elif kind == b"IDAT":
            packed += body
    step = 3 if colour == 2 else 4
    return width, list(rows(zlib.decompress(packed), width, height, step))


def palette(picture):
    """The commonest colours, and the nearest of them for each colour."""
    count = Counter(pixel for line in picture for pixel in line)
    kept = [colour for colour, _ in count.most_common(256)]
    near = {colour: index for index, colour in enumerate(kept)}
    for colour in count:
        if colour not in near:
            r, g, b = colour
            near[colour] = min(
                range(len(kept)),
                key=lambda n: (kept[n][0] - r) ** 2 + (kept[n][1] - g) ** 2 + (kept[n][2] - b) ** 2,
            )
    return kept, near


def write(path, width, picture, kept, near):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    raw = b"".join(b"\0" + bytes(near[pixel] for pixel in line) for line in picture)
    data = (
        SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(picture), 8, 3, 0, 0, 0))
        + chunk(b"PLTE", b"".join(bytes(colour) for colour in kept))
        + chunk(b"IDAT", zlib.compress(raw, 9))
        + chunk(b"IEND", b"")
    )
    open(path, "wb").write(data)
    return len(data)


def main():
    source, target, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    width, picture = read(source)
    if len(sys.argv) > 4:
        picture = picture[: int(sys.argv[4])]
    size = write(target, width, picture, *palette(picture))
    print(f"{target}: {width} x {len(picture)}, {size} bytes")
    return 0 if size <= most else 1


sys.exit(main())
