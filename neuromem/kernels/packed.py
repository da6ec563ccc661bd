"""Products of packed +-1 patterns with integers, by popcount over bit planes.

Bit 1 stands for +1, 64 units to a little-endian word, padding zero. A *tile* is 64 rows by 64
columns of bits: 64 words, word j for row j. A bit matrix (rows, columns) is kept as `tiles`
(rows / 64, columns / 64, 64), so that the 64 words of a tile lie side by side and vector
instructions run over rows. With the patterns as rows one kernel gives overlaps; with the units as
rows the same kernel gives fields. One operand is always integer vectors in *bit planes*
(Q, B, words): digit b of entry j is bit j of plane b.

LLVM does not keep accumulators in registers across the loop over words by itself, and it checks
for aliasing on every entry; a small vector type, `Lanes`, says what is meant (2.4 times faster).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from neuromem.kernels._jit import kernel, popcount

Array: TypeAlias = Any

_SLAB = 48  # words of a row of tiles that stay in first-level cache (24 KiB) for all vectors
_GROUP = 8  # words of a counter that a carry ripples through side by side


# ------------------------------------------------------------------------------ vector type


class Lanes(types.Type):
    """A vector of 64-bit words in registers, inside kernels only."""

    def __init__(self, width: int) -> None:
        super().__init__(name=f"Lanes({width})")
        self.vector = ir.VectorType(ir.IntType(64), width)


_primitive: Any = models.PrimitiveModel
register_model(Lanes)(lambda manager, lanes: _primitive(manager, lanes, lanes.vector))
_declare: Any = cgutils.get_or_insert_function


def _operation(generator: Callable[..., Any]) -> Callable[..., Any]:
    """Make an operation on lanes from the function that writes its LLVM instructions."""
    operation: Callable[..., Any] = intrinsic(generator)
    return operation


def _splat(builder: Any, scalar: Any, vector: ir.VectorType) -> Any:
    """Put the scalar in every lane of a vector."""
    index = ir.IntType(32)
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(index, 0))
    everywhere = ir.Constant(ir.VectorType(index, vector.count), None)
    return builder.shuffle_vector(first, empty, everywhere)


def _address(context: Any, builder: Any, array: tuple[Any, Any], start: Any, vector: Any) -> Any:
    """Return where a vector starts in a flat array, given as (type, value)."""
    data = context.make_array(array[0])(context, builder, array[1]).data
    return builder.bitcast(builder.gep(data, [start]), vector.as_pointer())


def _zeros(width: int) -> Callable[..., Any]:
    """Make the operation that returns `width` lanes of zero."""
    lanes = Lanes(width)

    @_operation
    def zeros(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return ir.Constant(lanes.vector, None)

        return lanes(), generate

    return zeros


def _elementwise(instruction: str) -> Callable[..., Any]:
    """Make the operation on two vectors that an instruction of LLVM's stands for."""

    @_operation
    def operation(typing_context: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments)

        return left(left, right), generate

    return operation


_zeros8, _zeros64 = _zeros(_GROUP), _zeros(64)
_add, _and, _xor = _elementwise("add"), _elementwise("and_"), _elementwise("xor")


@_operation
def _filled(typing_context: Any, like: Any, word: Any) -> Any:
    """Return lanes that all hold `word`, as many as `like` has."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[1], like.vector)

    return like(like, types.uint64), generate


@_operation
def _load(typing_context: Any, like: Any, words: Any, start: Any) -> Any:
    """Return as many words as `like` has, from ``words[start]`` of a flat array on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, (words, arguments[1]), arguments[2], like.vector)
        return builder.load(place, align=8)

    return like(like, words, types.intp), generate


@_operation
def _store(typing_context: Any, lanes: Any, words: Any, start: Any) -> Any:
    """Write the lanes to a flat array, from ``words[start]`` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _address(context, builder, (words, arguments[1]), arguments[2], lanes.vector)
        builder.store(arguments[0], place, align=8)
        return context.get_dummy_value()

    return types.void(lanes, words, types.intp), generate


@_operation
def _popcounts(typing_context: Any, lanes: Any) -> Any:
    """Count the bits of each lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        counter = ir.FunctionType(lanes.vector, [lanes.vector])
        name = f"llvm.ctpop.v{lanes.vector.count}i64"
        return builder.call(_declare(builder.module, counter, name), arguments)

    return lanes(lanes), generate


@_operation
def _where(typing_context: Any, lanes: Any, word: Any) -> Any:
    """Return `word` in the lanes that are not zero, zero in the others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(lanes.vector, None)
        chosen = builder.icmp_unsigned("!=", arguments[0], zero)
        return builder.select(chosen, _splat(builder, arguments[1], lanes.vector), zero)

    return lanes(lanes, types.uint64), generate


@_operation
def _equal_bits(typing_context: Any, values: Any, start: Any, value: Any) -> Any:
    """Return a word whose bit j says whether ``values[start + j] == value`` (flat, int8)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), 64)
        place = _address(context, builder, (values, arguments[0]), arguments[1], vector)
        loaded = builder.load(place, align=1)
        same = builder.icmp_signed("==", loaded, _splat(builder, arguments[2], vector))
        return builder.bitcast(same, ir.IntType(64))

    return types.uint64(values, types.intp, types.int8), generate


# ------------------------------------------------------------------------------ packing


@kernel
def pack(values: Array, low: Any, words: Array) -> int:
    """Write a bit for each value, 1 for +1; return 0 if all others are `low`.

    values (R, N) int8 contiguous, low -1 or 0, words (R, W) uint64 of any strides.
    """
    rows, n = values.shape
    flat = values.reshape(-1)
    strange = 0
    for w in range(n // 64):
        for r in range(rows):
            start = r * n + 64 * w
            ones = _equal_bits(flat, start, 1)
            words[r, w] = ones
            strange += (ones | _equal_bits(flat, start, low)) != ~np.uint64(0)
    if n % 64:
        w = n // 64
        for r in range(rows):
            word = np.uint64(0)
            for j in range(n % 64):
                value = values[r, 64 * w + j]
                one = value == 1
                word |= np.uint64(one) << np.uint64(j)
                strange += not (one or value == low)
            words[r, w] = word
    return strange


@kernel
def unpack(words: Array, low: Any, values: Array) -> None:
    """Write 1 where a bit is set and `low` elsewhere.

    words (R, W) uint64 of any strides, low a scalar of the type of values (R, N).
    """
    rows, n = values.shape
    for r in range(rows):
        for start in range(0, n, 64):
            word = words[r, start // 64]
            row = values[r, start : start + 64]
            for j in range(row.size):
                row[j] = 1 if (word >> np.uint64(j)) & np.uint64(1) else low


@kernel
def transpose_tiles(tiles: Array, out: Array) -> None:
    """Exchange rows and columns of a bit matrix: tiles (R, C, 64) -> out (C, R, 64), uint64.

    Each tile is transposed by exchanging blocks of 32, 16, ..., 1 bits across its diagonal
    (Warren, Hacker's Delight, 2nd ed., section 7-3).
    """
    block = np.empty(64, np.uint64)
    for r in range(tiles.shape[0]):
        for c in range(tiles.shape[1]):
            block[:] = tiles[r, c]
            width = 32
            mask = np.uint64(0x00000000FFFFFFFF)
            while width:
                shift = np.uint64(width)
                for first in range(0, 64, 2 * width):
                    upper = block[first : first + width]
                    lower = block[first + width : first + 2 * width]
                    for j in range(width):
                        swap = ((upper[j] >> shift) ^ lower[j]) & mask
                        lower[j] ^= swap
                        upper[j] ^= swap << shift
                width //= 2
                mask ^= mask << np.uint64(width)
            out[c, r] = block


# ------------------------------------------------------------------------------ digits


@kernel
def encode(
    values: Array,
    offsets: Array,
    shift: int,
    planes: Array,
    starts: Array,
    places: Array,
    excess: Array,
) -> None:
    """Write ``(value - offset) >> shift`` in bit planes; list what lies outside their range.

    values (Q, P) int64, offsets (Q,) int64, planes (Q, B, words) uint64. Entry k of cue q, for k
    in starts[q] to starts[q + 1], says that excess[k] is to be added at column places[k].
    """
    n_values, n_planes = values.shape[1], planes.shape[1]
    digits = np.zeros(64, np.int64)
    found = 0
    for q in range(values.shape[0]):
        starts[q] = found
        for first in range(0, n_values, 64):
            group = values[q, first : first + 64]
            digits[:] = 0
            outside = 0
            for j in range(group.size):
                digits[j] = (group[j] - offsets[q]) >> shift
                outside |= digits[j] >> n_planes
            if outside:
                for j in range(group.size):
                    high = digits[j] >> n_planes
                    if high:
                        places[found], excess[found] = first + j, high << n_planes
                        found += 1
            for b in range(n_planes):
                word = np.uint64(0)
                for j in range(64):
                    word |= np.uint64((digits[j] >> b) & 1) << np.uint64(j)
                planes[q, b, first // 64] = word
    starts[values.shape[0]] = found


# ------------------------------------------------------------------------------ products


@kernel
def _counts(
    bits: Array,
    origin: int,
    digits: Array,
    start: int,
    n_planes: int,
    stride: int,
    first: int,
    last: int,
) -> Any:
    """Return 64 sums over words `first` to `last` of a tile's bits times digits, in registers.

    bits flat, the tile's word w at origin + 64 w; digits flat, its plane b at start + stride b.
    """
    lanes = _zeros64()
    for b in range(n_planes - 1, -1, -1):
        lanes = _add(lanes, lanes)
        for w in range(first, last):
            digit = _filled(lanes, digits[start + stride * b + w])
            lanes = _add(lanes, _popcounts(_and(_load(lanes, bits, origin + 64 * w), digit)))
    return lanes


@kernel
def products(
    tiles: Array,
    planes: Array,
    starts: Array,
    places: Array,
    excess: Array,
    gain: int,
    slopes: Array,
    ones: Array,
    bases: Array,
    first_tile: int,
    last_tile: int,
    out: Array,
) -> None:
    """Multiply a bit matrix by integer vectors given in digits, with an affine finish, and add.

    out[q, r] += gain * sum_j x[r, j] u[q, j] + slopes[q] * ones[r] + bases[q]

    for the rows of tiles first_tile to last_tile. tiles (T, W, 64) uint64, planes (Q, B, >= W)
    uint64 with starts, places, excess as `encode` writes them, slopes and bases (Q,) int64,
    ones (R,) int64, out (Q, R) int32 or int64.
    """
    n_words = tiles.shape[1]
    n_vectors, n_planes, stride = planes.shape
    bits, digits = tiles.reshape(-1), planes.reshape(-1)
    sums = np.empty(64, np.int64)
    for tile in range(first_tile, last_tile):
        origin = tile * n_words * 64
        counts = ones[64 * tile : 64 * tile + 64]
        for first in range(0, n_words, _SLAB):
            last = min(first + _SLAB, n_words)
            for q in range(n_vectors):
                start = q * n_planes * stride
                lanes = _counts(bits, origin, digits, start, n_planes, stride, first, last)
                if first == 0:
                    for k in range(starts[q], starts[q + 1]):
                        x = _load(lanes, bits, origin + 64 * (places[k] >> 6))
                        bit = _filled(lanes, np.uint64(1) << np.uint64(places[k] & 63))
                        lanes = _add(lanes, _where(_and(x, bit), np.uint64(excess[k])))
                _store(lanes, sums, 0)
                result = out[q, 64 * tile : 64 * tile + 64]
                if first == 0:
                    for j in range(counts.size):
                        result[j] += gain * sums[j] + slopes[q] * counts[j] + bases[q]
                else:
                    for j in range(counts.size):
                        result[j] += gain * sums[j]


# ------------------------------------------------------------------------------ dynamics


@kernel
def _fetch(units: Array, visits: Array, side: Array, rows: Array, ones: Array) -> None:
    """Copy the words of visited units: word w of visit v to side[w, v] and rows[v, w].

    All at once, so that their cache misses overlap; ones (64,) int64 gets their bits set.
    """
    for v in range(visits.size):
        column = units[visits[v] >> 6, :, visits[v] & 63]
        count = np.uint64(0)
        for w in range(column.size):
            word = column[w]
            side[w, v] = rows[v, w] = word
            count += popcount(word)
        ones[v] = count


@kernel
def _carry(
    planes: Array, start: int, stride: int, n_planes: int, row: Array, valid: Array, state: Any
) -> None:
    """Add 1 to the counters whose bit in `row` equals `state`, take 1 from the others.

    Eight words at a time: a borrow runs like a carry, through the digits that differ from it.
    """
    for w in range(0, stride, _GROUP):
        carry = _load(_zeros8(), valid, w)
        down = _load(carry, row, w)
        if state > 0:
            down = _xor(down, _filled(down, ~np.uint64(0)))
        for b in range(n_planes):
            place = start + b * stride + w
            digit = _load(carry, planes, place)
            _store(_xor(digit, carry), planes, place)
            carry = _and(carry, _xor(digit, down))


@kernel
def _valid_bits(count: int, n_words: int) -> Array:
    """Return (n_words,) uint64 with the first `count` bits set."""
    valid = np.zeros(n_words, np.uint64)
    for j in range(count):
        valid[j >> 6] |= np.uint64(1) << np.uint64(j & 63)
    return valid


@kernel
def _counter_totals(counters: Array, cues: Array) -> Array:
    """Return the sum of all counters of each cue (K,) int64."""
    totals = np.zeros(cues.size, np.int64)
    for k in range(cues.size):
        for b in range(counters.shape[1]):
            for w in range(counters.shape[2]):
                totals[k] += np.int64(popcount(counters[cues[k], b, w])) << b
    return totals


@kernel
def asynchronous_sweep(
    units: Array,
    n_patterns: int,
    counters: Array,
    states: Array,
    cues: Array,
    order: Array,
    thresholds: Array,
    self_term: int,
    side: Array,
    flips: Array,
) -> None:
    """Visit the units in `order`, the same for all cues; write states and counters in place.

    Counter mu of a cue is the number of units where its state agrees with pattern mu,
    A = (N + M) / 2, in bit planes. The field of unit i comes from popcounts,
    N h = sum_mu xi_i^mu (2 A^mu - N) - self_term s_i, and a flip adds +-1 to all counters by a
    ripple carry. A unit flips if (N h - threshold) s < 0; a tie keeps the state.

    The sums of 64 visits are taken side by side from the counters before the first of them; a
    flip among them changes the others by the product of the two units' words.

    units (N / 64, P / 64, 64) uint64, counters (Q, B, W) uint64 with W a multiple of 8, states
    (Q, N) int8, cues (K,) int64 the rows to visit, order (V,) int64, thresholds (K, N) float64 or
    (0, 0), side (P / 64, 64) uint64 on a cache line to work in, flips (K,) int64 to add to.
    """
    n, n_words = states.shape[1], units.shape[1]
    n_planes, stride = counters.shape[1:]
    planes, bits = counters.reshape(-1), side.reshape(-1)
    rows = np.zeros((64, stride), np.uint64)
    ones, sums, shared = np.zeros((3, 64), np.int64)
    valid = _valid_bits(n_patterns, stride)
    totals = _counter_totals(counters, cues)
    for begin in range(0, order.size, 64):
        visits = order[begin : begin + 64]
        _fetch(units, visits, side, rows, ones)
        for k in range(cues.size):
            q = cues[k]
            start = q * n_planes * stride
            _store(_counts(bits, 0, planes, start, n_planes, stride, 0, n_words), sums, 0)
            for v in range(visits.size):
                i = visits[v]
                state = np.int64(states[q, i])
                field = 4 * sums[v] - 2 * n * ones[v] - 2 * totals[k] + n * n_patterns
                field -= self_term * state
                if thresholds.size:
                    against = (field - thresholds[k, i]) * state < 0.0
                else:
                    against = field * state < 0
                if against:
                    states[q, i] = -state
                    flips[k] += 1
                    totals[k] -= state * (2 * ones[v] - n_patterns)
                    _store(_counts(bits, 0, rows[v], 0, 1, stride, 0, n_words), shared, 0)
                    for u in range(64):
                        sums[u] -= state * (2 * shared[u] - ones[u])
                    _carry(planes, start, stride, n_planes, rows[v], valid, -state)
