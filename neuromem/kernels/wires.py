r"""Currents through a resistive array whose wires have resistance.

A line is a ladder: cells to the other side, segments from node to node. Seen from its open end,
node k gathers a current n[k] (its own injection and what the nodes before pass on) behind a
conductance s[k]; of n[k] the share c[k] = 1 / (1 + r[k] s[k]) reaches the next node through the
segment r[k]. Currents are gathered towards the fed end, voltages come back from it:

    n[k] = f[k] + c[k-1] n[k-1],      v[k] = c[k] (r[k] n[k] + v[k+1]).

This is Gaussian elimination on (T + G) v = f written with resistances: no difference of nearly
equal numbers occurs, and r = 0 is a case like any other. f' (T + G)^-1 f = sum r c n^2.

Word lines are open at the last column and fed at the first, bit lines are open at the first row
and grounded below the last. Eliminating the word lines leaves the currents that the bit nodes
receive, S B = (T_b + G) B - K B with K = G (T_w + G)^-1 G. Conjugate gradients, preconditioned
by the bit lines M = T_b + G, solve it (one reduction a step: Chronopoulos and Gear, J. Comput.
Appl. Math. 25, 153 (1989)). With z = M^-1 r, S z = r - K z needs no T_b, which r = 0 would make
infinite, and p is not needed at all unless node voltages are asked for.

Shapes: arrays (R, C); word lines lie in tiles (ceil(R / 8), C, 8), so that a vector holds the
same column of eight lines; lines beyond the last have no cells. All arrays are float64 and
contiguous. `resistances` are those of the first and the other word segments, and of the last and
the other bit segments.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neuromem.kernels._jit import kernel

Array = Any

LANES = 8
"""Word lines of a tile: a cache line of float64, and the widest vector there is."""

FAINT = 1e-6
"""Outputs below this share of the current into grounded bit lines are held to it, not to
themselves: what remains of a signal at the far end of a line that swallows it is rounding."""

# ----------------------------------------------------------------------------------- word lines


def _word_sweep(
    typing_context: Any, tile: Any, shares: Any, work: Any, sources: Any, first: Any, segment: Any
) -> Any:
    """Replace v in `work` by u = G (T_w + G)^-1 (G v + sources at the fed end).

    Return v' K v and sum |u|; without sources, u = K v.

    tile, shares, work (C, 8), sources (8,) V. Written as vector instructions, because LLVM unrolls
    a loop over eight lanes into scalars: three times as fast, to the same bits.
    """
    pair = types.UniTuple(types.float64, 2)  # type: ignore[no-untyped-call]
    signature = pair(tile, shares, work, sources, first, segment)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Lanes(context, builder, signature, arguments)
        conductance, share, value, source = (emit.pointer(i) for i in range(4))
        flow, power, size = (emit.variable(emit.zero) for _ in range(3))
        one, columns = ir.IntType(64)(1), emit.length(2)
        near, far = emit.spread(arguments[4]), emit.spread(arguments[5])

        def resistance(j: Any) -> Any:
            return builder.select(builder.icmp_signed("==", j, j.type(0)), near, far)

        with cgutils.for_range_slice(
            builder, builder.sub(columns, one), one.type(-1), one.type(-1), inc=False
        ) as (j, _):
            gathered = builder.fadd(
                builder.fmul(emit.load(conductance, j), emit.load(value, j)), builder.load(flow)
            )
            passed = builder.fmul(emit.load(share, j), gathered)
            heat = builder.fmul(resistance(j), builder.fmul(gathered, passed))
            emit.store(gathered, value, j)
            builder.store(passed, flow)
            builder.store(builder.fadd(builder.load(power), heat), power)
        builder.store(emit.load(source, one.type(0)), flow)
        with cgutils.for_range(builder, columns) as loop:
            j = loop.index
            raised = builder.fmul(resistance(j), emit.load(value, j))
            node = builder.fmul(emit.load(share, j), builder.fadd(raised, builder.load(flow)))
            drawn = builder.fmul(emit.load(conductance, j), node)
            emit.store(drawn, value, j)
            builder.store(node, flow)
            builder.store(builder.fadd(builder.load(size), emit.amount(drawn)), size)
        sums = [emit.total(builder.load(each)) for each in (power, size)]
        return context.make_tuple(builder, signature.return_type, sums)

    return signature, generate


_sweep_words: Any = intrinsic(_word_sweep)


class _Lanes:
    """Emits instructions on vectors of eight float64, which Numba has no type for."""

    vector = ir.VectorType(ir.DoubleType(), LANES)
    zero = ir.Constant(vector, None)

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.builder = builder
        arrays = zip(signature.args[:4], arguments[:4], strict=True)
        self.arrays = [context.make_array(kind)(context, builder, value) for kind, value in arrays]

    def pointer(self, i: int) -> Any:
        return self.builder.bitcast(self.arrays[i].data, self.vector.as_pointer())

    def length(self, i: int) -> Any:
        return self.builder.extract_value(self.arrays[i].shape, 0)

    def variable(self, value: Any) -> Any:
        return cgutils.alloca_once_value(self.builder, value)  # type: ignore[no-untyped-call]

    def load(self, pointer: Any, j: Any) -> Any:
        return self.builder.load(self.builder.gep(pointer, [j]), align=8)

    def store(self, value: Any, pointer: Any, j: Any) -> None:
        self.builder.store(value, self.builder.gep(pointer, [j]), align=8)

    def spread(self, value: Any) -> Any:
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return self.builder.shuffle_vector(first, empty, zeros)

    def amount(self, value: Any) -> Any:
        return self.builder.select(
            self.builder.fcmp_ordered(">=", value, self.zero), value, self.builder.fneg(value)
        )

    def total(self, value: Any) -> Any:
        lanes = [self.builder.extract_element(value, ir.IntType(32)(k)) for k in range(LANES)]
        result = lanes[0]
        for lane in lanes[1:]:
            result = self.builder.fadd(result, lane)
        return result


@kernel
def _gather(rows: Array, first: int, work: Array) -> None:
    """Write rows `first` to `first` + 8 of (R, C), as many as there are, to columns of (C, 8)."""
    for lane in range(min(LANES, rows.shape[0] - first)):
        for j in range(rows.shape[1]):
            work[j, lane] = rows[first + lane, j]


@kernel
def word_ladders(conductances: Array, resistances: Array, tiles: Array, shares: Array) -> None:
    """Write the conductances (R, C) and their shares in tiles."""
    tiles[:] = 0.0
    behind = np.empty(LANES)
    for b in range(len(tiles)):
        _gather(conductances, b * LANES, tiles[b])
        behind[:] = 0.0
        for j in range(tiles.shape[1] - 1, -1, -1):
            r = resistances[1] if j else resistances[0]
            for lane in range(LANES):
                seen = tiles[b, j, lane] + behind[lane]
                share = 1.0 / (1.0 + r * seen)
                shares[b, j, lane] = share
                behind[lane] = seen * share


@kernel
def word_voltages(
    voltages: Array, across: Array, tiles: Array, shares: Array, resistances: Array, out: Array
) -> None:
    """Write the word node voltages (R, C), for bit voltages plus offsets `across` (R, C)."""
    columns = out.shape[1]
    for i in range(len(out)):
        b, lane = i // LANES, i % LANES
        flow = 0.0
        for j in range(columns - 1, -1, -1):
            out[i, j] = tiles[b, j, lane] * across[i, j] + flow
            flow = shares[b, j, lane] * out[i, j]
        node = voltages[i]
        for j in range(columns):
            r = resistances[1] if j else resistances[0]
            node = shares[b, j, lane] * (r * out[i, j] + node)
            out[i, j] = node


# ------------------------------------------------------------------------------------ bit lines
# Rows of at most four arrays: with more, LLVM gives up proving that they do not overlap.


@kernel
def bit_ladders(conductances: Array, resistances: Array, shares: Array) -> None:
    """Write the shares (R, C)."""
    behind = np.zeros(shares.shape[1])
    for i in range(len(shares)):
        r = resistances[3] if i < len(shares) - 1 else resistances[2]
        for j in range(behind.size):
            seen = conductances[i, j] + behind[j]
            share = 1.0 / (1.0 + r * seen)
            shares[i, j] = share
            behind[j] = seen * share


@kernel
def _correct(residual: Array, search: Array, alpha: float) -> None:
    for j in range(residual.size):
        residual[j] -= alpha * search[j]


@kernel
def _pass_on(residual: Array, shares: Array, flow: Array, passed: Array) -> None:
    for j in range(passed.size):
        value = residual[j] + passed[j]
        flow[j] = value
        passed[j] = shares[j] * value


@kernel
def _heat(flow: Array, passed: Array, r: float, power: Array) -> None:
    for j in range(power.size):
        power[j] += r * (flow[j] * passed[j])


@kernel
def _come_back(flow: Array, shares: Array, r: float, node: Array) -> None:
    for j in range(node.size):
        node[j] = shares[j] * (r * flow[j] + node[j])


@kernel
def _forward(
    residual: Array,
    search: Array,
    alpha: float,
    shares: Array,
    resistances: Array,
    flows: Array,
    lines: Array,
) -> float:
    """Take r -= alpha S p and gather it in the bit lines; return r' M^-1 r.

    lines (2, C) are scratch; the first becomes the currents that leave the bit lines.
    """
    passed, power = lines[0], lines[1]
    lines[:] = 0.0
    for i in range(len(residual)):
        r = resistances[3] if i < len(residual) - 1 else resistances[2]
        _correct(residual[i], search[i], alpha)
        _pass_on(residual[i], shares[i], flows[i], passed)
        _heat(flows[i], passed, r, power)
    return float(power.sum())


@kernel
def _backward(
    residual: Array,
    search: Array,
    beta: float,
    flows: Array,
    tiles: Array,
    words: Array,
    bits: Array,
    resistances: Array,
    work: Array,
    direction: Array,
) -> tuple[float, float]:
    """Find z = M^-1 r from its flows, take S p = r - K z + beta S p; return z' K z, sum |K z|.

    A tile of rows at a time, so that z stays in the cache and is never written. `direction`
    (R, C), or (0, 0) where nobody asks for it, is p = z + beta p.
    """
    rows, columns = residual.shape
    node, sources = np.zeros(columns), np.zeros(LANES)
    power, size = 0.0, 0.0
    for b in range(len(tiles) - 1, -1, -1):
        first, last = b * LANES, min(rows, (b + 1) * LANES)
        for i in range(last - 1, first - 1, -1):
            r = resistances[3] if i < rows - 1 else resistances[2]
            _come_back(flows[i], bits[i], r, node)
            for j in range(columns):
                work[j, i - first] = node[j]
            if direction.size:
                direction[i] = node + beta * direction[i]
        sums = _sweep_words(tiles[b], words[b], work, sources, resistances[0], resistances[1])
        power, size = power + sums[0], size + sums[1]
        for i in range(first, last):
            for j in range(columns):
                search[i, j] = (residual[i, j] - work[j, i - first]) + beta * search[i, j]
    return power, size


# --------------------------------------------------------------------------- conjugate gradients


@kernel
def _start(
    voltages: Array,
    offsets: Array,
    tiles: Array,
    words: Array,
    resistances: Array,
    work: Array,
    residual: Array,
) -> float:
    """Write what flows into bit lines held at zero: G (W - offsets), driven by `voltages` (R,).

    Return the sum of its amounts, of G W and of G times the offsets.
    """
    rows, columns = residual.shape
    sources = np.zeros(LANES)
    size = 0.0
    for b in range(len(tiles)):
        first, last = b * LANES, min(rows, (b + 1) * LANES)
        sources[: last - first] = voltages[first:last]
        work[:] = 0.0
        if offsets.size:
            _gather(offsets, first, work)
        sums = _sweep_words(tiles[b], words[b], work, sources, resistances[0], resistances[1])
        size += sums[1]
        for i in range(first, last):
            for j in range(columns):
                residual[i, j] = work[j, i - first]
            if offsets.size:
                for j in range(columns):
                    taken = tiles[b, j, i - first] * offsets[i, j]
                    residual[i, j] -= taken
                    size += abs(taken)
    return size


@kernel
def _settle(flows: Array, bits: Array, resistances: Array, out: Array) -> None:
    """Add z = M^-1 r, from its flows, to the bit voltages."""
    node = np.zeros(flows.shape[1])
    for i in range(len(flows) - 1, -1, -1):
        r = resistances[3] if i < len(flows) - 1 else resistances[2]
        _come_back(flows[i], bits[i], r, node)
        out[i] += node


@kernel
def read(
    voltages: Array,
    offsets: Array,
    tiles: Array,
    words: Array,
    bits: Array,
    resistances: Array,
    tolerance: float,
    most_steps: int,
    currents: Array,
    errors: Array,
    steps: Array,
    nodes: Array,
) -> None:
    """Solve for the currents (B, C) of reads with voltages (B, R), one read after the other.

    offsets (R, C) V in series with the cells, or (0, 0). nodes (R, C), or (0, 0), becomes the bit
    voltages of the last read. A read ends when its `errors` (B,), a bound, is at most `tolerance`,
    or after `most_steps`; steps (B,) counts.

    The outputs are those of B + z, one half step ahead. What its bit nodes receive and do not pass
    on is r - S z = K z. Were that injected, the solution would be exact, and no more than sum |K z|
    would leave through the grounded ends: so much are all outputs together wrong at most.
    """
    shape = bits.shape
    residual, search, flows = np.empty(shape), np.empty(shape), np.empty(shape)
    work, lines = np.empty((shape[1], LANES)), np.empty((2, shape[1]))
    moved, direction = np.empty(shape[1]), np.zeros(nodes.shape)
    for number in range(len(voltages)):
        out = currents[number]
        faint = FAINT * _start(voltages[number], offsets, tiles, words, resistances, work, residual)
        search[:] = 0.0
        nodes[:] = 0.0
        moved[:] = 0.0
        out[:] = 0.0
        alpha, beta, power_before = 0.0, 0.0, 1.0
        for step in range(most_steps + 1):
            power = _forward(residual, search, alpha, bits, resistances, flows, lines)
            beta = power / power_before if step else 0.0
            between, left = _backward(
                residual, search, beta, flows, tiles, words, bits, resistances, work, direction
            )
            scale = max(np.abs(out + lines[0]).sum(), faint)
            errors[number] = left / scale if scale > 0.0 else 0.0
            steps[number] = step
            if errors[number] <= tolerance or step == most_steps:
                break
            curvature = power - between - (beta * power / alpha if step else 0.0)
            if not curvature > 0.0:
                break
            alpha, power_before = power / curvature, power
            for j in range(out.size):
                moved[j] = lines[0, j] + beta * moved[j]
                out[j] += alpha * moved[j]
            if nodes.size:
                nodes += alpha * direction
        out += lines[0]
        if nodes.size:
            _settle(flows, bits, resistances, nodes)
