"""Pack the Open mHealth schemas: `python scripts/omh_schemas.py FOLDER`.

FOLDER is a checkout's `schema/omh` (Apache-2.0). What only explains is left out (descriptions,
references); Draft 4 becomes Draft 7; the IEEE 1752.1 schemas that newer versions name, which are
not published there, are those of the same name they grew from. A schema equal to another is stored
once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/suwen/gateway/knowledge/omh_schemas.json"
LICENCE = (
    "Open mHealth schemas (github.com/openmhealth/schemas @36078a89), Apache License 2.0. Changed: "
    "packed, descriptions left out, Draft 4 written as Draft 7, references to IEEE 1752.1 resolved."
)
IEEE = "https://w3id.org/ieee/ieee-1752-schema/"
EXPLAINS = {"description", "references", "deprecation", "$schema", "$id", "title"}
PERCENT = {
    "type": "object",
    "properties": {"value": {"type": "number"}, "unit": {"enum": ["%"]}},
    "required": ["value", "unit"],
}
OWN = {"percent-unit-value": "ieee-percent-1.0.json", "time-frame": "ieee-time-frame-1.0.json"}
LEFT_OUT = ("medication", "ventilation", "angular", "magnetic", "orientation", "geo",
            "intervention", "pharmacy", "minute-volume", "expiratory", "inspiratory", "ambient",
"breath", "plane-angle", "reason-single", "single-medication", "patient-medication")  # fmt: skip


def plain(value: Any, named: bool = False) -> Any:
    """Return a schema without what explains it; `named`: its keys are names of properties."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        name: plain(item, name in ("properties", "definitions") and not named)
        for name, item in value.items()
        if named or name not in EXPLAINS
    }
    for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if kept.get(strict) is True:
            kept[strict] = kept.pop(bound)
        elif kept.get(strict) is False:
            del kept[strict]
    reference = kept.get("$ref")
    if isinstance(reference, str) and reference.startswith(IEEE):
        name = reference.removeprefix(IEEE).rpartition("-")[0]
        kept["$ref"] = OWN.get(name, f"{name}-1.x.json")
    return kept


def main(folder: Path) -> None:
    """Write the packed file."""
    schemas: dict[str, Any] = {"ieee-percent-1.0.json": PERCENT}
    for path in sorted(folder.glob("*.json")):
        if not path.name.startswith(LEFT_OUT):
            schemas[path.name] = plain(json.loads(path.read_text(encoding="utf-8")))
    interval = json.loads(json.dumps(schemas["time-interval-1.x.json"]))
    del interval["oneOf"][-1]  # 1752.1 has no date with a part of the day.
    frame = json.loads(json.dumps(schemas["time-frame-1.x.json"]))
    frame["definitions"]["time_interval"] = {"$ref": "ieee-time-interval-1.0.json"}
    schemas |= {"ieee-time-interval-1.0.json": interval, "ieee-time-frame-1.0.json": frame}
    seen: dict[str, str] = {}
    for name in sorted(schemas):
        text = json.dumps(schemas[name], sort_keys=True)
        first = seen.setdefault(text, name)
        if first != name:
            schemas[name] = {"$ref": first}
    packed = {"licence": LICENCE, "schemas": schemas}
    text = json.dumps(packed, separators=(",", ":"), sort_keys=True)
    TARGET.write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
