"""What every run loads, whatever it is asked."""

from __future__ import annotations

import subprocess
import sys

PARTS = ("signal", "stats", "optimize", "interpolate", "integrate")
UNUSED = ("torch", "sklearn", "pandas", "matplotlib", "onnx", *(f"scipy.{part}" for part in PARTS))
CODE = f"""
import sys
import suwen.app.diagnose, suwen.app.outputs
from suwen.app import rooms
from suwen.lifecycle.sealed.weights import _lightgbm
rooms.load()
_lightgbm()
print([name for name in {UNUSED} if name in sys.modules])
"""


def test_a_diagnosis_loads_no_library_that_only_some_questions_need():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
