"""The rooms that register Tasks. A new room adds its line here."""

from __future__ import annotations


def load() -> None:
    """Import every room's tasks, so that they register themselves."""
    import suwen.health.advice.task
    import suwen.health.af.task
    import suwen.health.baseline.task
    import suwen.health.beats.task
    import suwen.health.early_warning.task
    import suwen.health.glucose.task
    import suwen.health.icu.task
    import suwen.health.risk.task
    import suwen.health.tables.diabetes
    import suwen.health.tables.heart_disease
    import suwen.health.tables.survival
    import suwen.imaging.breast.task
    import suwen.imaging.chest.task
    import suwen.imaging.cytology.task
    import suwen.imaging.detection.task
    import suwen.imaging.followup.task
    import suwen.imaging.management.task
    import suwen.imaging.tasks
    import suwen.notes.assertion.task
    import suwen.notes.coding.task
    import suwen.notes.entities.task
    import suwen.notes.facts.task
    import suwen.privacy.texts.tasks  # noqa: F401
