from collections.abc import Callable
from typing import Any

class OptimizeResult:
    x: Any

def minimize(
    fun: Callable[[Any], tuple[float, Any]], x0: Any, *, jac: bool, method: str, options: dict[str, int]
) -> OptimizeResult: ...
