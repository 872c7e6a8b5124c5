"""A Recipe: every choice of one training run, written to the run folder and repeatable from it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Imbalance = Literal["none", "weights", "focal", "oversample"]
Unlabelled = Literal["ignored", "pseudo-labels", "consistency"]


class Recipe(BaseModel):
    """Choices of a training run; `options` are the room's own (architecture, input size, ...)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field("", description="Data set of the task; empty: the task's first.")
    folds: int = Field(
        5,
        ge=1,
        le=20,
        description="Members of the ensemble, one fold held out each; 1 (for stretches of text): "
        "one member, one group in ten held out.",
    )
    seed: int = Field(7, ge=0, description="Seed of every random act.")
    epochs: int = Field(40, ge=1, description="Most epochs a member is trained.")
    patience: int = Field(
        8, ge=1, description="Epochs without a better validation loss until stop."
    )
    batch_size: int = Field(16, ge=1, description="Samples per step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate.")
    weight_decay: float = Field(1e-2, ge=0, description="Decoupled weight decay.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout before the last layer.")
    augmentation: bool = Field(True, description="Train on randomly moved, turned, noisy samples.")
    imbalance: Imbalance = Field(
        "none", description="How the rarer class is made to count; see `lifecycle.imbalance`."
    )
    label_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the labels that training may use: whole groups, of each class alike.",
    )
    unlabelled: Unlabelled = Field(
        "ignored",
        description="What is done with training examples beyond `label_share`; see "
        "`lifecycle.share`.",
    )
    calibration: Literal["temperature", "isotonic", "vector", "best"] = Field(
        "best",
        description="Calibrator; 'best': the lower validation log loss, by cross-fitting. Two "
        "classes: temperature or isotonic; more: temperature or vector.",
    )
    operating_point: Literal["half", "youden", "f1", "break-even"] = Field(
        "half",
        description="Probability from which two classes are told apart: 0.5, or the one with the "
        "best Youden index or F1, or with sensitivity and precision alike, on the validation "
        "folds.",
    )
    prevalence: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of anything but the first class where the pack is used, from which the "
        "operating point of a question asked as a whole is shifted; empty: as in the data.",
    )
    interval_level: float = Field(
        0.90, gt=0.5, lt=1, description="Share of true values that an interval should hold."
    )
    set_level: float = Field(
        0.90,
        gt=0.5,
        lt=1,
        description="Share of samples whose set of possible classes should hold the true one.",
    )
    rule_in_false_alarms: float = Field(
        0.10,
        gt=0,
        lt=1,
        description="Share of negatives that may be called rule-in; with more than two classes, "
        "for each class the share of all others.",
    )
    rule_out_misses: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Share of positives (of any class but the first) that may be called rule-out.",
    )
    false_alarms_per_sample: float = Field(
        1.0,
        gt=0,
        description="For places: false alarms per sample that the operating threshold may give; "
        "marks below it are not shown.",
    )
    rule_in_false_alarms_per_sample: float = Field(
        0.125, gt=0, description="For places: false alarms per sample that rule-in may give."
    )
    stress: int = Field(
        0,
        ge=0,
        description="Examples (of whole groups) on which the robustness card is measured before "
        "the pack is sealed; 0: none, `suwen stress` measures it beside the pack.",
    )
    options: dict[str, Any] = Field(default_factory=dict)
