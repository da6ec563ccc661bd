"""The one place that says how kernels are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit, types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function`, keep the machine code on disk and release the GIL while it runs.

    No ``fastmath``: sums keep their order, so that the same input gives the same bits.
    """
    compiled: F = njit(function, cache=True, nogil=True, error_model="numpy", boundscheck=False)
    return compiled


def _popcount(typing_context: Any, word: Any) -> Any:
    """Count the bits that are set in an unsigned word (Numba has no ``np.bitwise_count``)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    if isinstance(word, types.Integer):
        return word(word), generate
    return None


popcount: Callable[..., Any] = intrinsic(_popcount)

__all__ = ["kernel", "popcount"]
