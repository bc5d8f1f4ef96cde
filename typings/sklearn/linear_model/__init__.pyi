from collections.abc import Sequence
from typing import Any

class LogisticRegression:
    coef_: Any
    intercept_: Any
    classes_: Any
    def __init__(self, *, C: float, max_iter: int, tol: float) -> None: ...
    def fit(self, X: Any, y: Sequence[str], sample_weight: Sequence[float] | None = None) -> LogisticRegression: ...
    def predict_proba(self, X: Any) -> Any: ...
