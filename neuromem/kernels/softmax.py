"""Retrieval by similarity in blocks: scores, softmax weights and what they read.

Cues come in panels (G, d, W), W cues side by side, so that a vector register holds the same thing
for several cues. A block of patterns and a panel give scores (block, W), which stay in the cache
while they become weights in place and read the block's content. Each cue has a lane of its own:
what comes out for it does not depend on the other cues, bit for bit.

Shapes: keys (P, d) and content (P, m); cues (G, d, W), zero beyond the `n_cues` that there are; per
cue (G W,) `top`, its largest score so far; out (G W, m). All of them are float32 or all float64.
Sums per cue are float64.
"""

import math
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from neuromem.kernels._jit import kernel

Array = Any


def _vector_bytes() -> int:
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot tell on some systems; 16 bytes are there everywhere
        return 16
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


VECTOR_BYTES = _vector_bytes()
ROWS = 8 if VECTOR_BYTES == 64 else 4
"""Rows of a register tile: two vectors a row take half of the 32 or 16 registers for sums."""


def panel_width(itemsize: int, n_cues: int) -> int:
    """Return the cues of a panel: two vectors, or one where that holds all of them."""
    lanes = VECTOR_BYTES // itemsize
    return lanes if n_cues <= lanes and lanes >= ROWS else 2 * lanes


# ------------------------------------------------------------------------------ register tiles


class _Vectors:
    """Emits LLVM instructions on vectors of the processor's width, which Numba has no types for.

    With `columns`, vectors lie side by side over that many columns: loads give zero beyond, and
    stores leave alone what is there.
    """

    def __init__(self, context: Any, builder: Any, scalar: Any, columns: Any, count: int) -> None:
        self.builder, self.bytes = builder, scalar.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.bytes
        self.vector = ir.VectorType(context.get_data_type(scalar), self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self.masks: list[Any] = []
        if columns is not None:
            numbers = ir.VectorType(ir.IntType(64), self.lanes)
            for v in range(count):
                lanes = range(v * self.lanes, (v + 1) * self.lanes)
                places = ir.Constant(numbers, [ir.IntType(64)(lane) for lane in lanes])
                limit = self.spread(columns, numbers)
                self.masks.append(builder.icmp_signed("<", places, limit))

    def spread(self, value: Any, kind: Any = None) -> Any:
        """Return a vector with `value` in every lane."""
        empty = ir.Constant(kind or self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(first, empty, zeros)

    def load(self, row: Any, v: int) -> Any:
        """Return vector `v` of a row."""
        if self.masks:
            arguments = [self._place(row, v), self._align(), self.masks[v], self.zero]
            return self._call("masked.load", self.vector, arguments, ".p0")
        return self.builder.load(self._place(row, v), align=self.bytes)

    def store(self, value: Any, row: Any, v: int) -> None:
        """Write vector `v` of a row."""
        if self.masks:
            arguments = [value, self._place(row, v), self._align(), self.masks[v]]
            self._call("masked.store", ir.VoidType(), arguments, ".p0")
        else:
            self.builder.store(value, self._place(row, v), align=self.bytes)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """Return x y + z, fused where the processor can."""
        return self._call("fmuladd", self.vector, [x, y, z], "")

    def _place(self, row: Any, v: int) -> Any:
        first = self.builder.gep(row, [ir.IntType(64)(v * self.lanes)])
        return self.builder.bitcast(first, self.vector.as_pointer())

    def _align(self) -> Any:
        return ir.IntType(32)(self.bytes)

    def _call(self, name: str, result: Any, arguments: list[Any], suffix: str) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        full = f"llvm.{name}.v{self.lanes}f{8 * self.bytes}{suffix}"
        known = self.builder.module.globals.get(full)
        return self.builder.call(known or ir.Function(self.builder.module, kind, full), arguments)


def _tile(rows: int, vectors: int, *, masked: bool = False) -> Any:
    """Make ``C[r, j] += sum_k A[r, k] B[k, j]`` for a tile of C that stays in registers.

    LLVM does not find this blocking by itself, hence instruction by instruction; it then runs at
    95 % of the peak of a Zen 5 core, where a BLAS held to older instructions reaches half. Arrays
    come with the place of their first element and their strides, in elements. A masked tile has
    only `columns` columns.
    """

    @intrinsic
    def tile(  # type: ignore[no-untyped-def]
        typing_context, c, c_at, c_row, a, a_at, a_row, a_step, b, b_at, b_step, depth, columns
    ):
        whole = types.intp
        signature = types.void(c, whole, whole, a, whole, whole, whole, b, *[whole] * 4)
        return signature, generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, c_at, c_row, _, a_at, a_row, a_step, _, b_at, b_step, depth, columns = arguments
        c, a, b = (
            builder.gep(
                context.make_array(signature.args[i])(context, builder, arguments[i]).data, [at]
            )
            for i, at in ((0, c_at), (3, a_at), (7, b_at))
        )
        scalar, limit = signature.args[0].dtype, columns if masked else None
        emit = _Vectors(context, builder, scalar, limit, vectors)
        whole = ir.IntType(64)
        rows_a = [builder.mul(a_row, whole(row)) for row in range(rows)]
        entry = builder.block
        loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(whole)
        sums = [builder.phi(emit.vector) for _ in range(rows * vectors)]
        row_b = builder.gep(b, [builder.mul(k, b_step)])
        column_a = builder.gep(a, [builder.mul(k, a_step)])
        right = [emit.load(row_b, v) for v in range(vectors)]
        left = [emit.spread(builder.load(builder.gep(column_a, [row]))) for row in rows_a]
        news = [
            emit.multiply_add(left[i // vectors], right[i % vectors], old)
            for i, old in enumerate(sums)
        ]
        after = builder.add(k, whole(1))
        for phi, first, then in zip(
            [k, *sums], [whole(0), *[emit.zero] * len(sums)], [after, *news], strict=True
        ):
            phi.add_incoming(first, entry)
            phi.add_incoming(then, loop)
        builder.cbranch(builder.icmp_signed("<", after, depth), loop, done)
        builder.position_at_end(done)
        for i, new in enumerate(news):
            row_c = builder.gep(c, [builder.mul(c_row, whole(i // vectors))])
            emit.store(builder.fadd(emit.load(row_c, i % vectors), new), row_c, i % vectors)
        return context.get_dummy_value()

    return tile


_wide, _wide_row = _tile(ROWS, 2), _tile(1, 2)
_narrow, _narrow_row = _tile(ROWS, 1), _tile(1, 1)
_edge = _tile(ROWS, 2, masked=True)


def _scalar_multiply_add(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x y + z as the tiles round it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        name = f"llvm.fmuladd.f{signature.return_type.bitwidth}"
        kind = ir.FunctionType(arguments[0].type, [arguments[0].type] * 3)
        known = builder.module.globals.get(name)
        return builder.call(known or ir.Function(builder.module, kind, name), arguments)

    return x(x, x, x), generate


_multiply_add: Any = intrinsic(_scalar_multiply_add)


@kernel
def _score(keys: Array, cues: Array, scores: Array) -> None:
    """Write the scores (n, W) of patterns (n, d) against one panel of cues (d, W)."""
    (n, depth), width = keys.shape, cues.shape[1]
    scores[:] = 0
    tiled = n - n % ROWS
    wide = width * keys.itemsize > VECTOR_BYTES
    for p in range(0, tiled, ROWS):
        to, at = p * width, p * depth
        if wide:
            _wide(scores, to, width, keys, at, depth, 1, cues, 0, width, depth, 0)
        else:
            _narrow(scores, to, width, keys, at, depth, 1, cues, 0, width, depth, 0)
    for p in range(tiled, n):
        to, at = p * width, p * depth
        if wide:
            _wide_row(scores, to, width, keys, at, depth, 1, cues, 0, width, depth, 0)
        else:
            _narrow_row(scores, to, width, keys, at, depth, 1, cues, 0, width, depth, 0)


@kernel
def _read(weights: Array, content: Array, lanes: int, out: Array) -> None:
    """Add what patterns hold (n, m), by weights (n, W), to the rows of `out`, one a lane.

    Whole tiles are read: rows beyond the last cue get what weighs their empty lanes.
    """
    (n, m), width = content.shape, weights.shape[1]
    step = 2 * VECTOR_BYTES // content.itemsize
    whole = m - m % step
    for j in range(0, whole, step):
        for q in range(0, lanes, ROWS):
            _wide(out, q * m + j, m, weights, q, 1, width, content, j, m, n, 0)
    if whole < m:
        for q in range(0, lanes, ROWS):
            to = q * m + whole
            _edge(out, to, m, weights, q, 1, width, content, whole, m, n, m - whole)


@kernel
def score_block(keys: Array, cues: Array, scores: Array) -> None:
    """Write the scores (G, n, W) of a block of patterns (n, d) against all panels."""
    for panel in range(len(cues)):
        _score(keys, cues[panel], scores[panel])


@kernel
def read_block(weights: Array, content: Array, n_cues: int, out: Array) -> None:
    """Add what a block of patterns holds (n, m), by weights (G, n, W), to `out`."""
    width = weights.shape[2]
    for panel in range(len(weights)):
        row = panel * width
        _read(weights[panel], content, min(width, n_cues - row), out[row : row + width])


# ------------------------------------------------------------------------------------- softmax


@kernel
def exp32(x: Any) -> Any:
    """Return exp(x) in float32 for -80 <= x <= 80, to a relative error of 2e-7.

    x = i ln 2 + r; ln 2 comes in two parts so that r is exact, and exp(r) is the polynomial with
    the least error for |r| <= ln(2)/2. Straight-line code, which LLVM turns into vectors.
    """
    # Adding 1.5 * 2^23 rounds to a whole number, for it leaves no bits for a fraction.
    i = (x * np.float32(1.44269504) + np.float32(12582912.0)) - np.float32(12582912.0)
    r = _multiply_add(i, np.float32(-0.693359375), x)
    r = _multiply_add(i, np.float32(2.12194440e-4), r)
    y = np.float32(0.001381453825160861)
    y = _multiply_add(y, r, np.float32(0.00836874544620514))
    y = _multiply_add(y, r, np.float32(0.04166838899254799))
    y = _multiply_add(y, r, np.float32(0.1666652113199234))
    y = _multiply_add(y, r, np.float32(0.4999999403953552))
    y = _multiply_add(y * r, r, r) + np.float32(1.0)
    exponent = np.int32((np.int32(i) + np.int32(127)) << np.int32(23))
    return y * exponent.view(np.float32)


def _exp(x: Any) -> Any:
    """Stand for the exponential of the argument's type."""
    raise NotImplementedError


@overload(_exp, strict=False)
def _exp_of(x: Any) -> Any:
    if x == types.float32:
        return lambda x: exp32(max(x, np.float32(-80.0)))
    return lambda x: math.exp(x)  # noqa: PLW0108  Numba compiles functions, not built-ins


@kernel
def _peaks(scores: Array, peaks: Array) -> None:
    """Write the largest score of each lane of a block (n, W)."""
    peaks[:] = scores[0]
    for p in range(1, len(scores)):
        for lane in range(peaks.size):
            peaks[lane] = max(peaks[lane], scores[p, lane])


@kernel
def _raise_tops(
    peaks: Array, top: Array, beta: float, cutoff: float, total: Array, out: Array
) -> bool:
    """Refer sums to a larger top where the block has one; say if the block weighs anything."""
    matters = False
    for q in range(peaks.size):
        change = beta * (np.float64(top[q]) - np.float64(peaks[q]))
        if change < 0.0:
            factor = math.exp(change)
            total[q] *= factor
            out[q] *= out.dtype.type(factor)
            top[q] = peaks[q]
        matters = matters or bool(change <= cutoff)
    return matters


@kernel
def _weigh(
    scores: Array, top: Array, beta: float, cutoff: float, total: Array, sums: Array, counts: Array
) -> None:
    """Turn scores (n, W) into exp(beta (score - top)), add to `total`, count those above zero."""
    one, nothing = scores.dtype.type(1), scores.dtype.type(0)
    slope, limit = scores.dtype.type(beta), scores.dtype.type(-cutoff)
    sums[:] = nothing
    counts[:] = nothing
    for p in range(len(scores)):
        for lane in range(top.size):
            x = slope * (scores[p, lane] - top[lane])
            weight = _exp(x)
            weight = weight if x >= limit else nothing
            scores[p, lane] = weight
            sums[lane] += weight
            counts[lane] += one if x >= limit else nothing
    for lane in range(top.size):
        total[lane] += sums[lane]


@kernel
def _read_few(weights: Array, content: Array, lanes: int, out: Array, sums: Array) -> None:
    """Do what `_read` does, to the same bits, where most weights (n, W) are zero."""
    for lane in range(lanes):
        sums[:] = 0
        for p in range(len(weights)):
            weight = weights[p, lane]
            if weight != 0:
                pattern = content[p]
                for j in range(sums.size):
                    sums[j] = _multiply_add(weight, pattern[j], sums[j])
        out[lane] += sums


@kernel
def softmax_stream(
    keys: Array,
    content: Array,
    cues: Array,
    n_cues: int,
    beta: float,
    cutoff: float,
    room: Array,
    top: Array,
    total: Array,
    out: Array,
) -> None:
    """Read `content` by softmax weights in one pass; `out` is still to be divided by `total`.

    `room` (block, W) is for scores; top = -inf to begin with. Weights below exp(-`cutoff`) of the
    largest so far count as zero. With cutoff = ln(P / eps) all P of them together stay below eps
    times the largest one, hence below eps of the total: less than its rounding. Where few weights
    are left, only their patterns are read; where none is, neither the exponentials nor the content
    are touched.
    """
    block, width = room.shape
    per_lane = np.empty((3, width), keys.dtype)
    peaks, sums, counts = per_lane[0], per_lane[1], per_lane[2]
    few = np.empty(content.shape[1], keys.dtype)
    for first in range(0, len(keys), block):
        last = min(first + block, len(keys))
        held, scores = content[first:last], room[: last - first]
        for panel in range(len(cues)):
            row, stop = panel * width, (panel + 1) * width
            lanes = min(width, n_cues - row)
            _score(keys[first:last], cues[panel], scores)
            _peaks(scores, peaks)
            tops, totals, rows = top[row:stop], total[row:stop], out[row:stop]
            if _raise_tops(peaks, tops, beta, cutoff, totals, rows):
                _weigh(scores, tops, beta, cutoff, totals, sums, counts)
                if 8 * np.sum(counts[:lanes]) < len(scores) * lanes:
                    _read_few(scores, held, lanes, rows, few)
                else:
                    _read(scores, held, lanes, rows)
