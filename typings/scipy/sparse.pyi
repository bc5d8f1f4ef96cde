from collections.abc import Sequence
from typing import Any

class csr_matrix:
    T: csr_matrix
    shape: tuple[int, int]
    def __init__(
        self, arg1: tuple[Sequence[float], Sequence[int], Sequence[int]], *, shape: tuple[int, int]
    ) -> None: ...
    def __getitem__(self, key: Any) -> Any: ...
    def __matmul__(self, other: Any) -> Any: ...
