"""Retrieval by similarity: streams over blocks of stored patterns, without a P x Q score matrix.

Cues come in panels (G, d, W), W cues side by side, so that a vector register holds the same thing
for several cues. A block of patterns and a panel give scores (block, W), which stay in the cache
while they become weights in place and read the block's content. Each cue has a lane of its own:
what comes out for it does not depend on the other cues, bit for bit.

Shapes: keys (P, d); content (P, m); cues (G, d, W), zeros beyond the last one; scores (block, W);
per cue (G W,): `top` its largest score, `total` the sum of its weights; out (G W, m). Keys, cues,
content, scores, top and out are all float32 or all float64.
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

ROWS = 8
"""Rows of a register tile: with two vectors a row, 16 sums keep two multiply-add pipes busy."""


def _vector_bytes() -> int:
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:  # LLVM cannot tell on some systems; 16 bytes are there everywhere
        return 16
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


VECTOR_BYTES = _vector_bytes()


def panel_width(itemsize: int, n_cues: int) -> int:
    """Return the cues of a panel: two vectors, or one where that holds all of them."""
    lanes = VECTOR_BYTES // itemsize
    return lanes if n_cues <= lanes else 2 * lanes


def _tile(rows: int, vectors: int, *, masked: bool = False) -> Any:
    """Make ``C[r, j] += sum_k A[r, k] B[k, j]`` for a tile of C that is kept in registers.

    Arrays come with the flat place of their first element and their strides, in elements. A
    masked tile has only `columns` columns. Numba has no vector types, and LLVM does not find this
    blocking by itself: hence the instructions one by one. ``fmuladd`` is fused where the processor
    can, and does not change the order of a sum.
    """

    @intrinsic
    def tile(  # type: ignore[no-untyped-def]
        typing_context, c, c_at, c_row, a, a_at, a_row, a_step, b, b_at, b_step, depth, columns
    ):
        whole = types.intp
        signature = types.void(c, whole, whole, a, whole, whole, whole, b, *([whole] * 4))

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            kinds = signature.args
            c, c_at, c_row, a, a_at, a_row, a_step, b, b_at, b_step, depth, columns = arguments
            bits = kinds[0].dtype.bitwidth
            lanes = 8 * VECTOR_BYTES // bits
            int64, int32 = ir.IntType(64), ir.IntType(32)
            vector = ir.VectorType(context.get_data_type(kinds[0].dtype), lanes)
            numbers = ir.VectorType(int64, lanes)
            zero = ir.Constant(vector, None)

            def declare(name: str, result: Any, parameters: list[Any]) -> Any:
                full = f"llvm.{name}.v{lanes}f{bits}" + (".p0" if "masked" in name else "")
                kind = ir.FunctionType(result, parameters)
                return cgutils.get_or_insert_function(builder.module, kind, full)

            def start(place: int, at: Any) -> Any:
                array = context.make_array(kinds[place])(context, builder, arguments[place])
                return builder.gep(array.data, [at])

            def spread(scalar: Any, kind: Any) -> Any:
                empty = ir.Constant(kind, ir.Undefined)
                first = builder.insert_element(empty, scalar, int32(0))
                return builder.shuffle_vector(
                    first, empty, ir.Constant(ir.VectorType(int32, lanes), None)
                )

            def place(row: Any, v: int) -> Any:
                return builder.bitcast(builder.gep(row, [int64(v * lanes)]), vector.as_pointer())

            if masked:
                column = ir.Constant(numbers, [int64(lane) for lane in range(lanes)])
                masks = [
                    builder.icmp_signed(
                        "<", column, spread(builder.sub(columns, int64(v * lanes)), numbers)
                    )
                    for v in range(vectors)
                ]
                mask = ir.VectorType(ir.IntType(1), lanes)
                pointer = vector.as_pointer()
                load_some = declare("masked.load", vector, [pointer, int32, mask, vector])
                store_some = declare(
                    "masked.store", ir.VoidType(), [vector, pointer, int32, mask]
                )

            def load(row: Any, v: int) -> Any:
                if masked:
                    return builder.call(load_some, [place(row, v), int32(bits // 8), masks[v], zero])
                return builder.load(place(row, v), align=bits // 8)

            def store(value: Any, row: Any, v: int) -> None:
                if masked:
                    builder.call(store_some, [value, place(row, v), int32(bits // 8), masks[v]])
                else:
                    builder.store(value, place(row, v), align=bits // 8)

            multiply_add = declare("fmuladd", vector, [vector] * 3)
            first_c, first_a, first_b = start(0, c_at), start(3, a_at), start(7, b_at)
            rows_a = [builder.mul(a_row, int64(row)) for row in range(rows)]
            entry = builder.block
            loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
            builder.branch(loop)
            builder.position_at_end(loop)
            k = builder.phi(int64)
            k.add_incoming(int64(0), entry)
            sums = [builder.phi(vector) for _ in range(rows * vectors)]
            row_b = builder.gep(first_b, [builder.mul(k, b_step)])
            right = [load(row_b, v) for v in range(vectors)]
            column_a = builder.gep(first_a, [builder.mul(k, a_step)])
            left = [
                spread(builder.load(builder.gep(column_a, [row])), vector) for row in rows_a
            ]
            news = [
                builder.call(multiply_add, [left[i // vectors], right[i % vectors], old])
                for i, old in enumerate(sums)
            ]
            after = builder.add(k, int64(1))
            k.add_incoming(after, loop)
            for old, new in zip(sums, news, strict=True):
                old.add_incoming(zero, entry)
                old.add_incoming(new, loop)
            builder.cbranch(builder.icmp_signed("<", after, depth), loop, done)
            builder.position_at_end(done)
            for i, new in enumerate(news):
                row_c = builder.gep(first_c, [builder.mul(c_row, int64(i // vectors))])
                store(builder.fadd(load(row_c, i % vectors), new), row_c, i % vectors)
            return context.get_dummy_value()

        return signature, generate

    return tile
