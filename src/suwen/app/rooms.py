"""The rooms that register Tasks. A new room adds its line here."""

from __future__ import annotations


def load() -> None:
    """Import every room's tasks, so that they register themselves."""
    import suwen.health.advice
    import suwen.health.af
    import suwen.health.baseline_task
    import suwen.health.deterioration
    import suwen.health.diabetes
    import suwen.health.early_warning
    import suwen.health.ecg_beats
    import suwen.health.glucose
    import suwen.health.heart_disease
    import suwen.health.risk
    import suwen.health.survival
    import suwen.imaging.breast
    import suwen.imaging.chest
    import suwen.imaging.cytology
    import suwen.imaging.detection
    import suwen.imaging.followup
    import suwen.imaging.management
    import suwen.imaging.tasks
    import suwen.notes.assertion_task
    import suwen.notes.coding_task
    import suwen.notes.entities
    import suwen.notes.facts_task
    import suwen.privacy.tasks  # noqa: F401
