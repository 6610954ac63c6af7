"""Just enough of Ed25519 (RFC 8032) to make keys and signatures that no honest signer makes."""
import hashlib

from basics import D, L, P

IDENTITY = (0, 1)

def add(one, two):
    (x1, y1), (x2, y2) = one, two
    cross = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + cross, -1, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - cross, -1, P) % P)

def times(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result

def encode(point, add_p=False):
    """The canonical encoding, or the one with y + P, which fits for y below 19."""
    x, y = point
    return ((y + P if add_p else y) | (x & 1) << 255).to_bytes(32, "little")

def with_y(y):
    """The point with this y and an even x, or None when there is none on the curve."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return (x if x % 2 == 0 else P - x, y)

BASE = with_y(4 * pow(5, -1, P) % P)

def torsion():
    """The eight points of small order, as multiples 0 to 7 of one of order 8."""
    for y in range(2, 100):
        point = with_y(y) and times(L, with_y(y))
        if point and times(4, point) != IDENTITY:
            return [times(n, point) for n in range(8)]
    raise AssertionError("one point in two has a part of order 8")

TORSION = torsion()

def secret_scalar(seed):
    data = bytearray(hashlib.sha512(seed).digest()[:32])
    data[0] &= 248
    data[31] = data[31] & 127 | 64
    return int.from_bytes(data, "little")

def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L

def public(seed, twist=IDENTITY):
    """The public key of a seed, moved by a point of small order."""
    return encode(add(times(secret_scalar(seed), BASE), twist))

def sign(seed, key, message, nonce=1, twist=IDENTITY, r=None):
    """R = [nonce]B + twist, or the encoding that is given; S = nonce + k·secret."""
    r = r or encode(add(times(nonce, BASE), twist))
    s = (nonce + challenge(r, key, message) * secret_scalar(seed)) % L
    return r + s.to_bytes(32, "little")
