"""How kernels are compiled: ahead of their first call, without the GIL, and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_OPTIONS = {"nogil": True, "error_model": "numpy"}


def kernel(signature: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for one signature, or load what an earlier process compiled.

    A function's code contains that of the functions it calls, in whatever file they stand, so what is on
    disk is good for the sources of its whole package, and of this one, as they are now, not for one file's.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return _compiled(function, signature, options, on_disk=True)
        except (RuntimeError, OSError):  # nowhere to write to: every process compiles for itself
            return _compiled(function, signature, options, on_disk=False)

    return compiled


def _compiled(function: Callable[..., Any], signature: str, options: dict[str, Any], on_disk: bool) -> Any:
    dispatcher = numba.njit(**_OPTIONS, **options)(function)
    if on_disk:
        dispatcher.enable_caching()
        dispatcher._cache._cache_file._source_stamp = _sources(Path(function.__code__.co_filename).parent)
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher


@cache
def _sources(package: Path) -> str:
    """A digest of the sources of a package, and of this one, whose functions all kernels may call."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, package):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


@intrinsic
def bits_of(typing_context: Any, value: Any) -> Any:
    """The bits of a float64, as int64."""
    return _bitcast(types.int64, types.float64)


@intrinsic
def from_bits(typing_context: Any, value: Any) -> Any:
    """The float64 of an int64's bits."""
    return _bitcast(types.float64, types.int64)


@intrinsic
def bits32_of(typing_context: Any, value: Any) -> Any:
    """The bits of a float32, as int32."""
    return _bitcast(types.int32, types.float32)


@intrinsic
def from_bits32(typing_context: Any, value: Any) -> Any:
    """The float32 of an int32's bits."""
    return _bitcast(types.float32, types.int32)


@intrinsic
def floor(typing_context: Any, value: Any) -> Any:
    """The largest whole float64 that is not larger. numba's own gives an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        declared = builder.module.declare_intrinsic("llvm.floor", [kind])
        return builder.call(declared, arguments)

    return types.float64(types.float64), generate


@intrinsic
def pointer(typing_context: Any, address: Any) -> Any:
    """An address, as `numba.carray` takes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.float32)(types.int64), generate


@intrinsic
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which need not exist."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, integer, integer, integer])
        declared = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, keep, data = (ir.Constant(integer, value) for value in (0, 3, 1))
        builder.call(declared, [builder.inttoptr(arguments[0], byte), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _bitcast(target: Any, source: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return target(source), generate
