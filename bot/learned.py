"""What this installation has learned: the classifier of hazards, where one has been trained."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.understanding.classifier import Classifier


def model_path(data_dir: Path) -> Path:
    """Where the server looks for the model that ``jufeng train`` has made."""
    return data_dir / "models" / "category.model"


def learned(data_dir: Path) -> "Classifier | None":
    """The classifier of this installation, or None. Raises ModelError where there is one that cannot be used."""
    path = model_path(data_dir)
    if not path.exists():
        return None
    # The parent of several workers looks too, and mostly finds nothing.
    from bot.understanding.model_file import ModelError, load_classifier  # noqa: PLC0415

    classifier = load_classifier(path)
    if classifier.foreign:
        foreign = "」「".join(classifier.foreign)
        raise ModelError(f"模型文件 {path} 用不了：「{foreign}」不是聚蜂的隐患类别。请改好类别再训练，或者把它移走")
    return classifier
