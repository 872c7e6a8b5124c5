"""The demo patients: three written and simulated for this project, and real public nodules.

Nothing of the synthetic ones comes from a person, and every file says so.
"""

from suwen.app.demo_patients.real import real_nodule_folders
from suwen.app.demo_patients.synthetic import NAMES, write_demo_folders

__all__ = ["NAMES", "real_nodule_folders", "write_demo_folders"]
