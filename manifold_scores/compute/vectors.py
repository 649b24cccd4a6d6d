"""Vectors of float64 that live in one register: what the compiler is told instead of left to find out.

A kernel written with these operations is vectorised as it stands, at the full width of the machine, without any
floating-point flag: sums are taken in the order they are written in, and error-free transformations survive.

    v = load(row, j)            row[j : j + LANES]
    v = load_row(rows, k, j)    rows[k, j : j + LANES]
    store(row, j, v)
    splat(x)                    x in every lane
    u + v, u - v, u * v         lane by lane, each rounded
    fma(u, v, w), fms(u, v, w)  u * v + w and u * v - w, rounded once
    larger(u, v)                the larger one of each lane (NaN: v)
    scaled(v, n)                v * 2**n for integers n given as n + 1.5 * 2**52
    total(v), largest(v)        over the lanes, by halving
    add_totals(sums, k, a, b, more, n, c, d)    sums[k], sums[k + 1], more[n], more[n + 1] += the four totals

Without compilation a vector is an array of LANES numbers, and fma rounds twice.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

__all__ = [
    "ALIGNMENT",
    "GROUP",
    "LANES",
    "VectorType",
    "add_totals",
    "fma",
    "fms",
    "larger",
    "largest",
    "load",
    "load_row",
    "scaled",
    "splat",
    "store",
    "total",
]


def _lanes() -> int:
    try:
        features = binding.get_host_cpu_features()
    except RuntimeError:  # this platform does not say
        return 4
    return 8 if features.get("avx512f") else 4


LANES = _lanes()
#: Lanes of four vectors: loops take four at a time, so that no operation waits for the one before.
GROUP = 4 * LANES

#: Bytes of a vector: loads that cross a cache line take twice the time.
ALIGNMENT = 8 * LANES
_EXPONENT_BIAS, _MANTISSA_BITS = 1023, 52
_DOUBLES, _INTEGERS = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(ir.IntType(64), LANES)
_INDEX = ir.IntType(32)


class VectorType(types.Type):
    """The type of such a vector."""

    def __init__(self) -> None:
        super().__init__(name=f"float64x{LANES}")


_vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _DOUBLES)


def _operation(plain: Callable[..., Any], returns: Any, *parameters: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make an operation from what emits its code; a parameter of None takes what comes (an array)."""

    def decorate(emit: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return plain

        def typed(*given: Any) -> Any:
            taken = [kind if wanted is None else wanted for wanted, kind in zip(parameters, given, strict=True)]

            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return emit(context, builder, signature.args, arguments)

            return returns(*taken), generate

        # numba wants the arguments counted.
        counted: Any = (
            lambda _context, a: typed(a),
            lambda _context, a, b: typed(a, b),
            lambda _context, a, b, c: typed(a, b, c),
            None,
            None,
            lambda _context, a, b, c, d, e, f: typed(a, b, c, d, e, f),
            None,
            lambda _context, a, b, c, d, e, f, g, h: typed(a, b, c, d, e, f, g, h),
        )[len(parameters) - 1]
        counted.__name__ = emit.__name__
        return intrinsic(counted)

    return decorate


def _address(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    data = context.make_array(kinds[0])(context, builder, arguments[0]).data
    return builder.bitcast(builder.gep(data, [arguments[1]]), _DOUBLES.as_pointer())


def _load(row: Any, j: int) -> Any:
    return row[j : j + LANES].copy()


@_operation(_load, _vector, None, types.intp)
def load(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """Return row[j : j + LANES]."""
    return builder.load(_address(context, builder, kinds, arguments), align=8)


def _load_row(rows: Any, k: int, j: int) -> Any:
    return rows[k, j : j + LANES].copy()


@_operation(_load_row, _vector, None, types.intp, types.intp)
def load_row(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """Return rows[k, j : j + LANES] of a C-contiguous array, without making an array of the row."""
    array = context.make_array(kinds[0])(context, builder, arguments[0])
    width = builder.extract_value(array.shape, 1)
    address = builder.gep(array.data, [builder.add(builder.mul(arguments[1], width), arguments[2])])
    return builder.load(builder.bitcast(address, _DOUBLES.as_pointer()), align=8)


def _store(row: Any, j: int, v: Any) -> None:
    row[j : j + LANES] = v


@_operation(_store, types.void, None, types.intp, _vector)
def store(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """Set row[j : j + LANES]."""
    builder.store(arguments[2], _address(context, builder, kinds, arguments), align=8)
    return context.get_dummy_value()


def _splat(x: float) -> Any:
    return np.full(LANES, x)


@_operation(_splat, _vector, types.float64)
def splat(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return x in every lane."""
    first = builder.insert_element(ir.Constant(_DOUBLES, ir.Undefined), arguments[0], ir.Constant(_INDEX, 0))
    everywhere = ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(_DOUBLES, ir.Undefined), everywhere)


def _fma(u: Any, v: Any, w: Any) -> Any:
    return u * v + w


@_operation(_fma, _vector, _vector, _vector, _vector)
def fma(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return u * v + w, rounded once."""
    kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64"), arguments)


def _fms(u: Any, v: Any, w: Any) -> Any:
    return u * v - w


@_operation(_fms, _vector, _vector, _vector, _vector)
def fms(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return u * v - w, rounded once."""
    kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64")
    return builder.call(function, [arguments[0], arguments[1], builder.fneg(arguments[2])])


def _larger(u: Any, v: Any) -> Any:
    return np.where(u > v, u, v)


@_operation(_larger, _vector, _vector, _vector)
def larger(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return the larger one of each lane, v where either is NaN."""
    return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)


def _scaled(v: Any, n: Any) -> Any:
    return v * ((n.view(np.int64) + _EXPONENT_BIAS) << _MANTISSA_BITS).view(np.float64)


@_operation(_scaled, _vector, _vector, _vector)
def scaled(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return v * 2**n for n given as n + 1.5 * 2**52."""
    # The sum with 1.5 * 2**52 left n, in two's complement, in the low bits of the mantissa.
    bits = builder.bitcast(arguments[1], _INTEGERS)
    bits = builder.add(bits, ir.Constant(_INTEGERS, [_EXPONENT_BIAS] * LANES))
    power = builder.bitcast(builder.shl(bits, ir.Constant(_INTEGERS, [_MANTISSA_BITS] * LANES)), _DOUBLES)
    return builder.fmul(arguments[0], power)


def _halved(builder: Any, vector: Any, combine: Callable[[Any, Any], Any]) -> Any:
    size = LANES
    while size > 1:
        size //= 2
        nothing = ir.Constant(vector.type, ir.Undefined)
        low, high = (
            builder.shuffle_vector(vector, nothing, ir.Constant(ir.VectorType(_INDEX, size), [*lanes]))
            for lanes in (range(size), range(size, 2 * size))
        )
        vector = combine(low, high)
    return builder.extract_element(vector, ir.Constant(_INDEX, 0))


def _total(v: Any) -> float:
    while len(v) > 1:
        v = v[: len(v) // 2] + v[len(v) // 2 :]
    return float(v[0])


@_operation(_total, types.float64, _vector)
def total(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return the sum over the lanes, by halving."""
    return _halved(builder, arguments[0], builder.fadd)


def _add_totals(sums: Any, k: int, a: Any, b: Any, more: Any, n: int, c: Any, d: Any) -> None:
    sums[k] += _total(a)
    sums[k + 1] += _total(b)
    more[n] += _total(c)
    more[n + 1] += _total(d)


@_operation(_add_totals, types.void, None, types.intp, _vector, _vector, None, types.intp, _vector, _vector)
def add_totals(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """Add the totals of four vectors to two places of each of two arrays, by halving all of them at once."""

    def pick(u: Any, v: Any, lanes: list[int]) -> Any:
        return builder.shuffle_vector(u, v, ir.Constant(ir.VectorType(_INDEX, len(lanes)), lanes))

    parts, size = [*arguments[2:4], *arguments[6:]], LANES
    while size > 1:  # halves of `size` lanes of neighbours lie beside one another, two vectors in the place of one
        size //= 2
        count = parts[0].type.count // (2 * size)  # vectors that share a register already
        if len(parts) > 1:
            pairs = [(parts[i], parts[i + 1]) for i in range(0, len(parts), 2)]
            starts = [2 * size * i for i in range(2 * count)]
        else:
            pairs, starts = [(parts[0], parts[0])], [2 * size * i for i in range(count)]
        low = [start + lane for start in starts for lane in range(size)]
        parts = [builder.fadd(pick(u, v, low), pick(u, v, [lane + size for lane in low])) for u, v in pairs]
    whole = parts[0] if len(parts) == 1 else pick(parts[0], parts[1], [0, 1, 2, 3])
    two = ir.VectorType(ir.DoubleType(), 2)
    for place, lanes in ((0, [0, 1]), (4, [2, 3])):
        data = context.make_array(kinds[place])(context, builder, arguments[place]).data
        address = builder.bitcast(builder.gep(data, [arguments[place + 1]]), two.as_pointer())
        builder.store(builder.fadd(builder.load(address, align=8), pick(whole, whole, lanes)), address, align=8)
    return context.get_dummy_value()


def _largest(v: Any) -> float:
    return float(v.max())


@_operation(_largest, types.float64, _vector)
def largest(_context: Any, builder: Any, _kinds: Any, arguments: Any) -> Any:
    """Return the largest lane."""

    def more(a: Any, b: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)

    return _halved(builder, arguments[0], more)


def _register(operation: Any, instruction: str) -> None:
    @type_callable(operation)
    def typed(_context: Any) -> Any:
        return lambda u, v: _vector if isinstance(u, VectorType) and isinstance(v, VectorType) else None

    @lower_builtin(operation, VectorType, VectorType)
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments)


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _register(_function, _instruction)
