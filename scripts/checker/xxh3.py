"""XXH3, 64 bits, seed 0: item keys, event ids and recommendation ids are its values.

Source: Yann Collet, the xxHash specification. Numbers are unsigned and wrap at 64 bits.
"""

_M32 = 0xFFFFFFFF
_M64 = 0xFFFFFFFFFFFFFFFF
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")
_PRIME32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
_PRIME64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
            0x27D4EB2F165667C5)
_STRIPE = 64
_STRIPES_A_BLOCK = (len(_SECRET) - _STRIPE) // 8


def _u32(data, at):
    return int.from_bytes(data[at:at + 4], "little")


def _u64(data, at):
    return int.from_bytes(data[at:at + 8], "little")


def _swap64(x):
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def _rotate(x, by):
    return ((x << by) | (x >> (64 - by))) & _M64


def _fold(a, b):
    product = a * b
    return (product & _M64) ^ (product >> 64)


def _mix16(data, at, secret_at):
    return _fold(_u64(data, at) ^ _u64(_SECRET, secret_at),
                 _u64(data, at + 8) ^ _u64(_SECRET, secret_at + 8))


def _avalanche_xxh64(x):
    x = ((x ^ (x >> 33)) * _PRIME64[1]) & _M64
    x = ((x ^ (x >> 29)) * _PRIME64[2]) & _M64
    return x ^ (x >> 32)


def _avalanche(x):
    x = ((x ^ (x >> 37)) * 0x165667919E3779F9) & _M64
    return x ^ (x >> 32)


def _up_to_16(data):
    n = len(data)
    if n > 8:
        low = _u64(data, 0) ^ _u64(_SECRET, 24) ^ _u64(_SECRET, 32)
        high = _u64(data, n - 8) ^ _u64(_SECRET, 40) ^ _u64(_SECRET, 48)
        return _avalanche((n + _swap64(low) + high + _fold(low, high)) & _M64)
    if n >= 4:
        x = _u32(data, n - 4) + (_u32(data, 0) << 32)
        x ^= _u64(_SECRET, 8) ^ _u64(_SECRET, 16)
        x ^= _rotate(x, 49) ^ _rotate(x, 24)
        x = (x * 0x9FB21C651E98DF25) & _M64
        x ^= ((x >> 35) + n) & _M64
        x = (x * 0x9FB21C651E98DF25) & _M64
        return x ^ (x >> 28)
    if n > 0:
        x = (data[0] << 16) | (data[n >> 1] << 24) | data[n - 1] | (n << 8)
        return _avalanche_xxh64(x ^ _u32(_SECRET, 0) ^ _u32(_SECRET, 4))
    return _avalanche_xxh64(_u64(_SECRET, 56) ^ _u64(_SECRET, 64))


def _up_to_240(data):
    n = len(data)
    sum_ = n * _PRIME64[0]
    if n <= 128:
        for i in range((n - 1) // 32, -1, -1):
            sum_ += _mix16(data, 16 * i, 32 * i)
            sum_ += _mix16(data, n - 16 * (i + 1), 32 * i + 16)
        return _avalanche(sum_ & _M64)
    for i in range(8):
        sum_ += _mix16(data, 16 * i, 16 * i)
    sum_ = _avalanche(sum_ & _M64)
    for i in range(8, n // 16):
        sum_ += _mix16(data, 16 * i, 16 * (i - 8) + 3)
    sum_ += _mix16(data, n - 16, 136 - 17)
    return _avalanche(sum_ & _M64)


def _accumulate(lanes, data, at, secret_at):
    for i in range(8):
        value = _u64(data, at + 8 * i)
        key = value ^ _u64(_SECRET, secret_at + 8 * i)
        lanes[i ^ 1] = (lanes[i ^ 1] + value) & _M64
        lanes[i] = (lanes[i] + (key & _M32) * (key >> 32)) & _M64


def _long(data):
    n = len(data)
    lanes = [_PRIME32[2], _PRIME64[0], _PRIME64[1], _PRIME64[2], _PRIME64[3], _PRIME32[1],
             _PRIME64[4], _PRIME32[0]]
    stripes = (n - 1) // _STRIPE
    for stripe in range(stripes):
        within = stripe % _STRIPES_A_BLOCK
        _accumulate(lanes, data, stripe * _STRIPE, 8 * within)
        if within == _STRIPES_A_BLOCK - 1:
            for i in range(8):
                x = lanes[i] ^ (lanes[i] >> 47) ^ _u64(_SECRET, len(_SECRET) - _STRIPE + 8 * i)
                lanes[i] = (x * _PRIME32[0]) & _M64
    _accumulate(lanes, data, n - _STRIPE, len(_SECRET) - _STRIPE - 7)
    sum_ = n * _PRIME64[0]
    for i in range(4):
        sum_ += _fold(lanes[2 * i] ^ _u64(_SECRET, 11 + 16 * i),
                      lanes[2 * i + 1] ^ _u64(_SECRET, 19 + 16 * i))
    return _avalanche(sum_ & _M64)


def xxh3(data):
    """The hash of bytes, as an unsigned number."""
    if len(data) <= 16:
        return _up_to_16(data)
    return _up_to_240(data) if len(data) <= 240 else _long(data)
