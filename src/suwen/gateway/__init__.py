"""Gateway: the doors through which files and messages about a patient come in."""

from suwen.gateway.folder import read_folder
from suwen.gateway.intake import Blob, Identity, Intake
from suwen.gateway.storing import store_intake

__all__ = ["Blob", "Identity", "Intake", "read_folder", "store_intake"]
