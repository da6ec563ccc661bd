"""Retrieval by similarity: streams over blocks of stored patterns, never a P x Q score matrix.

Cues come in panels (G, d, W), W cues side by side, so that a vector register holds the same thing
for several cues. A block of patterns and a panel give scores (block, W), which stay in the cache
while they become weights in place and read the block's content. Each cue has a lane of its own:
what comes out for it does not depend on the other cues, bit for bit.

Shapes: keys (P, d); content (P, m); cues (G, d, W), zeros beyond the `n_cues` that there are;
scores (block, W); per cue (G W,): `top`, its largest score. All these are float32 or all float64.
Sums and thresholds per cue are float64; `out` (G W, m) is the content read.
"""

import math
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
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
        function = cgutils.get_or_insert_function(self.builder.module, kind, full)
        return self.builder.call(function, arguments)


def _tile(rows: int, vectors: int, *, masked: bool = False) -> Any:
    """Make ``C[r, j] += sum_k A[r, k] B[k, j]`` for a tile of C that stays in registers.

    LLVM does not find this blocking by itself, hence instruction by instruction; it then runs at
    95 % of the processor's peak, where a BLAS held to older instructions reaches half. Arrays come
    with the place of their first element and their strides, in elements. A masked tile has only
    `columns` columns.
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


@intrinsic
def _multiply_add(typing_context, x, y, z):  # type: ignore[no-untyped-def]
    """Return x y + z as the tiles round it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        name = f"llvm.fmuladd.f{signature.return_type.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), name
        )
        return builder.call(function, arguments)

    return x(x, x, x), generate


@kernel
def _score(keys: Array, first: int, n: int, cues: Array, panel: int, scores: Array) -> None:
    """Write scores of the patterns `first` to `first` + `n` against one panel of cues."""
    depth, width = cues.shape[1], cues.shape[2]
    scores[:n] = 0
    place = panel * depth * width
    tiled = n - n % ROWS
    wide = width * keys.itemsize > VECTOR_BYTES
    for p in range(0, tiled, ROWS):
        at = (first + p) * depth
        if wide:
            _wide(scores, p * width, width, keys, at, depth, 1, cues, place, width, depth, 0)
        else:
            _narrow(scores, p * width, width, keys, at, depth, 1, cues, place, width, depth, 0)
    for p in range(tiled, n):
        at = (first + p) * depth
        if wide:
            _wide_row(scores, p * width, width, keys, at, depth, 1, cues, place, width, depth, 0)
        else:
            _narrow_row(scores, p * width, width, keys, at, depth, 1, cues, place, width, depth, 0)


@kernel
def _read(
    weights: Array, content: Array, first: int, n: int, lanes: int, out: Array, row: int
) -> None:
    """Add what `n` patterns from `first` hold, by weight, to `lanes` rows of `out` from `row`.

    Whole tiles are read: rows of `out` beyond the last cue get what weighs their empty lanes.
    """
    width, m = weights.shape[1], content.shape[1]
    step = 2 * VECTOR_BYTES // content.itemsize
    whole = m - m % step
    at = first * m
    for j in range(0, whole, step):
        for q in range(0, lanes, ROWS):
            to = (row + q) * m + j
            _wide(out, to, m, weights, q, 1, width, content, at + j, m, n, 0)
    if whole < m:
        for q in range(0, lanes, ROWS):
            to = (row + q) * m + whole
            _edge(out, to, m, weights, q, 1, width, content, at + whole, m, n, m - whole)


# ------------------------------------------------------------------------------------- softmax


@kernel
def exp32(x: Any) -> Any:
    """Return exp(x) in float32 for -80 <= x <= 80, to a relative error of 2e-7.

    x = i ln 2 + r; ln 2 comes in two parts so that r is exact, and exp(r) is a polynomial that is
    optimal for |r| <= ln(2)/2. Straight-line code, which LLVM turns into vectors.
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
    """Stand for the exponential of the argument's type in the kernels below."""
    raise NotImplementedError


@overload(_exp)
def _exp_of(x: Any) -> Any:
    if x == types.float32:
        return lambda x: exp32(max(x, np.float32(-80.0)))
    return lambda x: math.exp(x)


@kernel
def _peaks(scores: Array, n: int, lanes: int, peaks: Array) -> None:
    """Write the largest score of each lane of a block."""
    peaks[:lanes] = scores[0, :lanes]
    for p in range(1, n):
        row = scores[p]
        for lane in range(lanes):
            peaks[lane] = max(peaks[lane], row[lane])


@kernel
def _raise_tops(
    peaks: Array,
    lanes: int,
    row: int,
    beta: float,
    cutoff: float,
    top: Array,
    total: Array,
    out: Array,
) -> bool:
    """Refer sums to a larger top where the block has one; say if the block weighs anything."""
    matters = False
    for lane in range(lanes):
        q = row + lane
        if peaks[lane] > top[q]:
            factor = math.exp(beta * (np.float64(top[q]) - np.float64(peaks[lane])))
            total[q] *= factor
            out[q] *= out.dtype.type(factor)
            top[q] = peaks[lane]
        matters |= beta * (np.float64(peaks[lane]) - np.float64(top[q])) >= -cutoff
    return matters


@kernel
def _weigh(
    scores: Array,
    n: int,
    lanes: int,
    row: int,
    beta: float,
    cutoff: float,
    top: Array,
    total: Array,
    sums: Array,
    counts: Array,
) -> float:
    """Turn scores into weights exp(beta (score - top)) and add them up; return how many count."""
    one, nothing = scores.dtype.type(1), scores.dtype.type(0)
    slope, limit = scores.dtype.type(beta), scores.dtype.type(-cutoff)
    tops = top[row : row + lanes]
    sums[:lanes] = nothing
    counts[:lanes] = nothing
    for p in range(n):
        weights = scores[p]
        for lane in range(lanes):
            x = slope * (weights[lane] - tops[lane])
            weight = _exp(x)
            weight = weight if x >= limit else nothing
            weights[lane] = weight
            sums[lane] += weight
            counts[lane] += one if x >= limit else nothing
    total[row : row + lanes] += sums[:lanes]
    return np.sum(counts[:lanes])


@kernel
def _read_few(
    weights: Array,
    content: Array,
    first: int,
    n: int,
    lanes: int,
    out: Array,
    row: int,
    sums: Array,
) -> None:
    """Do what `_read` does, to the same bits, where most weights are zero."""
    for lane in range(lanes):
        sums[:] = 0
        for p in range(n):
            weight = weights[p, lane]
            if weight != 0:
                pattern = content[first + p]
                for j in range(sums.size):
                    sums[j] = _multiply_add(weight, pattern[j], sums[j])
        out[row + lane] += sums


@kernel
def softmax_stream(
    keys: Array,
    content: Array,
    cues: Array,
    n_cues: int,
    beta: float,
    cutoff: float,
    scores: Array,
    work: Array,
    top: Array,
    total: Array,
    out: Array,
) -> None:
    """Read `content` by softmax weights in one pass; `out` is still to be divided by `total`.

    work (3, max(W, m)). Weights below exp(-`cutoff`) of the largest so far count as zero. With
    cutoff = ln(P / eps) all P of them together stay below eps times the largest one, hence below
    eps of the total: less than its rounding. Where few weights are left, only their patterns are
    read; where none is, neither the exponentials nor the content are touched.
    """
    block, width = scores.shape
    for first in range(0, len(keys), block):
        n = min(block, len(keys) - first)
        for panel in range(len(cues)):
            row = panel * width
            lanes = min(width, n_cues - row)
            _score(keys, first, n, cues, panel, scores)
            _peaks(scores, n, lanes, work[0])
            if _raise_tops(work[0], lanes, row, beta, cutoff, top, total, out):
                count = _weigh(scores, n, lanes, row, beta, cutoff, top, total, work[1], work[2])
                if 8 * count < n * lanes:
                    sums = work[0, : content.shape[1]]
                    _read_few(scores, content, first, n, lanes, out, row, sums)
                else:
                    _read(scores, content, first, n, lanes, out, row)


@kernel
def log_mean_stream(
    keys: Array,
    cues: Array,
    n_cues: int,
    beta: float,
    scores: Array,
    work: Array,
    top: Array,
    excess: Array,
) -> None:
    """Add up `excess`, the sum of exp(beta (score - top)) - 1 over all patterns, in float64.

    The 1 is left out so that the mean keeps its digits where beta is tiny.
    """
    block, width = scores.shape
    for first in range(0, len(keys), block):
        n = min(block, len(keys) - first)
        for panel in range(len(cues)):
            lanes = min(width, n_cues - panel * width)
            _score(keys, first, n, cues, panel, scores)
            _peaks(scores, n, lanes, work[0])
            for lane in range(lanes):
                q = panel * width + lane
                if work[0, lane] > top[q]:
                    if first > 0:
                        change = beta * (np.float64(top[q]) - np.float64(work[0, lane]))
                        excess[q] = math.exp(change) * excess[q] + first * math.expm1(change)
                    top[q] = work[0, lane]
                for p in range(n):
                    difference = np.float64(scores[p, lane]) - np.float64(top[q])
                    excess[q] += math.expm1(beta * difference)


# -------------------------------------------------------------------------------------- entmax


@kernel
def _tsallis(x: float, alpha: float) -> tuple[float, float]:
    """Return the weight ``(1 + (alpha - 1) x)_+^(1 / (alpha - 1))`` and its derivative.

    exp(x) for alpha = 1; zero from x = -1 / (alpha - 1) downward.
    """
    if alpha == 1.0:
        weight = math.exp(x)
        return weight, weight
    base = 1.0 + (alpha - 1.0) * x
    if not base > 0.0:
        return 0.0, 0.0
    if alpha == 2.0:
        return base, 1.0
    if alpha == 1.5:
        return base * base, base
    weight = math.exp(math.log1p((alpha - 1.0) * x) / (alpha - 1.0))
    return weight, weight / base


@kernel
def _refine(
    alpha: float, total: float, slope: float, low: float, high: float, shift: float, trial: int
) -> tuple[float, float, float]:
    """Narrow the bracket [low, high] of the shift at which weights add up to one.

    Newton's step on total^(alpha - 1), which is convex in the shift for alpha <= 2 (a norm of
    linear parts) and almost linear: from the left it never oversteps. For larger alpha, bisection
    takes over where it leaves the bracket or does not arrive.
    """
    if total >= 1.0:
        low = shift
    else:
        high = shift
    gain = math.log(total) if total > 0.0 else -math.inf
    excess = gain if alpha == 1.0 else math.expm1((alpha - 1.0) * gain) / (alpha - 1.0)
    new = shift + excess * total ** (2.0 - alpha) / slope if slope > 0.0 else high
    if not low <= new <= high or trial > 30:
        new = 0.5 * (low + high)
    return low, high, new


@kernel
def _highest_shift(n: int, alpha: float) -> float:
    """Return the shift for n equal scores, than which none is larger."""
    if alpha == 1.0:
        return math.log(n)
    return -math.expm1((1.0 - alpha) * math.log(n)) / (alpha - 1.0)


@kernel
def _threshold(scores: Array, beta: float, alpha: float) -> tuple[float, float]:
    """Return the largest score and the shift y at which weights of beta (score - top) - y add to 1.

    Patterns from y - 1 / (alpha - 1) downward weigh nothing. For alpha = 1, beta top + y is the
    log-sum-exp.
    """
    top = np.float64(np.max(scores))
    low, high, shift = 0.0, _highest_shift(scores.size, alpha), 0.0
    for trial in range(100):
        total, slope = 0.0, 0.0
        for score in scores:
            weight, change = _tsallis(beta * (np.float64(score) - top) - shift, alpha)
            total += weight
            slope += change
        low, high, new = _refine(alpha, total, slope, low, high, shift, trial)
        if abs(new - shift) <= 1e-16 + 2e-16 * shift:
            break
        shift = new
    return top, shift


@kernel
def _free(top: float, shift: float, mean: float, beta: float, alpha: float) -> float:
    """Return the conjugate entropy over beta; `mean` is that of beta (score - top) - shift."""
    return top + (shift + (1.0 - 1.0 / alpha) * mean) / beta


@kernel
def entmax_rows(scores: Array, beta: float, alpha: float, weights: Array, free: Array) -> None:
    """Write the alpha-entmax of beta scores, row by row (Q, P), and what `_free` gives, (Q,)."""
    for q in range(len(scores)):
        top, shift = _threshold(scores[q], beta, alpha)
        total, mean = 0.0, 0.0
        for p in range(scores.shape[1]):
            x = beta * (np.float64(scores[q, p]) - top) - shift
            weight = _tsallis(x, alpha)[0]
            weights[q, p] = weight
            total += weight
            mean += weight * x if weight > 0.0 else 0.0
        weights[q] /= total
        free[q] = _free(top, shift, mean / total, beta, alpha)


@kernel
def _compact(
    q: int, beta: float, alpha: float, index: Array, kept: Array, count: Array, floor: Array
) -> None:
    """Drop candidates that weigh nothing; give the cue up, with count -1, if too many are left.

    The threshold of some patterns is never above that of all: what it drops stays out.
    """
    top, shift = _threshold(kept[q], beta, alpha)
    floor[q] = max(floor[q], top + (shift - 1.0 / (alpha - 1.0)) / beta)
    n = 0
    for i in range(kept.shape[1]):
        if kept[q, i] > floor[q]:
            kept[q, n], index[q, n] = kept[q, i], index[q, i]
            n += 1
    crowded = 2 * n > kept.shape[1]
    count[q] = -1 if crowded else n
    floor[q] = math.inf if crowded else floor[q]


@kernel
def candidates_stream(
    keys: Array,
    cues: Array,
    n_cues: int,
    beta: float,
    alpha: float,
    scores: Array,
    work: Array,
    top: Array,
    floor: Array,
    count: Array,
    index: Array,
    kept: Array,
) -> None:
    """Keep the patterns that entmax may weigh, per cue: places and scores (G W, K), in one pass.

    They lie within 1 / (alpha - 1) of beta times the largest score. Where more than K / 2 do
    weigh something, count is -1 in the end.
    """
    block, width = scores.shape
    window = 1.0 / (alpha - 1.0) / beta
    for first in range(0, len(keys), block):
        n = min(block, len(keys) - first)
        for panel in range(len(cues)):
            row = panel * width
            lanes = min(width, n_cues - row)
            _score(keys, first, n, cues, panel, scores)
            _peaks(scores, n, lanes, work[0])
            for lane in range(lanes):
                q = row + lane
                top[q] = max(top[q], work[0, lane])
                floor[q] = max(floor[q], np.float64(top[q]) - window)
                work[1, lane] = floor[q]
            for p in range(n):
                hits = 0
                for lane in range(lanes):  # rounding to a score's type keeps the order
                    hits += scores[p, lane] >= work[1, lane]
                if hits > 0:
                    _keep(scores[p, :lanes], first + p, row, beta, alpha, floor, count, index, kept)


@kernel
def _keep(
    scores: Array,
    pattern: int,
    row: int,
    beta: float,
    alpha: float,
    floor: Array,
    count: Array,
    index: Array,
    kept: Array,
) -> None:
    """Keep one pattern as a candidate of the cues whose floor it exceeds."""
    for lane in range(scores.size):
        q = row + lane
        if scores[lane] > floor[q] and count[q] == kept.shape[1]:
            _compact(q, beta, alpha, index, kept, count, floor)
        if scores[lane] > floor[q]:
            index[q, count[q]], kept[q, count[q]] = pattern, scores[lane]
            count[q] += 1


@kernel
def entmax_read(
    content: Array,
    beta: float,
    alpha: float,
    count: Array,
    index: Array,
    kept: Array,
    free: Array,
    out: Array,
) -> None:
    """Weigh the candidates of each cue exactly, read them into `out` and write `free` (Q,)."""
    for q in range(len(free)):
        if count[q] < 0:
            continue
        scores = kept[q, : count[q]]
        top, shift = _threshold(scores, beta, alpha)
        total, mean = 0.0, 0.0
        for i in range(scores.size):
            x = beta * (np.float64(scores[i]) - top) - shift
            total += _tsallis(x, alpha)[0]
            mean += _tsallis(x, alpha)[0] * x if _tsallis(x, alpha)[0] > 0.0 else 0.0
        free[q] = _free(top, shift, mean / total, beta, alpha)
        for i in range(scores.size):
            x = beta * (np.float64(scores[i]) - top) - shift
            weight = out.dtype.type(_tsallis(x, alpha)[0] / total)
            if weight > 0:
                pattern = content[index[q, i]]
                for j in range(pattern.size):
                    out[q, j] = _multiply_add(weight, pattern[j], out[q, j])


@kernel
def crowded_thresholds(
    keys: Array,
    cues: Array,
    n_cues: int,
    beta: float,
    alpha: float,
    scores: Array,
    top: Array,
    shift: Array,
) -> None:
    """Find the shift of cues for which too many patterns weigh something: a pass for each trial."""
    block, width = scores.shape
    low, high = np.zeros(n_cues), np.full(n_cues, _highest_shift(len(keys), alpha))
    total, slope = np.empty(n_cues), np.empty(n_cues)
    for trial in range(100):
        total[:] = 0.0
        slope[:] = 0.0
        for first in range(0, len(keys), block):
            n = min(block, len(keys) - first)
            for panel in range(len(cues)):
                _score(keys, first, n, cues, panel, scores)
                for lane in range(min(width, n_cues - panel * width)):
                    q = panel * width + lane
                    for p in range(n):
                        x = beta * (np.float64(scores[p, lane]) - np.float64(top[q])) - shift[q]
                        weight, change = _tsallis(x, alpha)
                        total[q] += weight
                        slope[q] += change
        moving = False
        for q in range(n_cues):
            low[q], high[q], new = _refine(
                alpha, total[q], slope[q], low[q], high[q], shift[q], trial
            )
            moving |= abs(new - shift[q]) > 1e-16 + 2e-16 * shift[q]
            shift[q] = new
        if not moving:
            break


@kernel
def crowded_read(
    keys: Array,
    content: Array,
    cues: Array,
    n_cues: int,
    beta: float,
    alpha: float,
    scores: Array,
    top: Array,
    shift: Array,
    total: Array,
    mean: Array,
    out: Array,
) -> None:
    """Read `content` by the weights of known shifts; all is still to be divided by `total`."""
    block, width = scores.shape
    for first in range(0, len(keys), block):
        n = min(block, len(keys) - first)
        for panel in range(len(cues)):
            row = panel * width
            lanes = min(width, n_cues - row)
            _score(keys, first, n, cues, panel, scores)
            for lane in range(lanes):
                q = row + lane
                for p in range(n):
                    x = beta * (np.float64(scores[p, lane]) - np.float64(top[q])) - shift[q]
                    weight = _tsallis(x, alpha)[0]
                    scores[p, lane] = weight
                    total[q] += weight
                    mean[q] += weight * x if weight > 0.0 else 0.0
            _read(scores, content, first, n, lanes, out, row)
