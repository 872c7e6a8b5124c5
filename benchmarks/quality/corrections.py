"""From corrected notes to a better pack: the whole loop, with true labels in the clinician's place.

A pack is trained on a few records (cEHRNER, with some texts of the other corpora), installed, and
reads notes it never saw. Those it doubts most are corrected through what the page of a note keeps
(`suwen.notes.entities.corrections`), `suwen train notes.entities --from-corrections` trains again
with the same choices, and the new pack is installed. Both packs answer records that neither saw;
the floor is looking names up. Small and short on purpose (minutes on one core): what counts is the
difference. Intervals: bootstrap over records, the difference in pairs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from suwen.app import rooms
from suwen.app.diagnose import answer
from suwen.app.services import operator
from suwen.core import registry
from suwen.core.nouns import TextSpan
from suwen.core.settings import settings
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure import spans as measure_spans
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.measure.predictions import INDEPENDENT, predict_all
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.spanned import floors_of
from suwen.metrics.intervals import difference, estimates
from suwen.notes.entities import corpora, corrected, corrections
from suwen.notes.entities.corrections import Correction, Meant, Place, Verdict, Wish
from suwen.notes.entities.data import SCHEMES
from suwen.notes.questions import ENTITIES
from suwen.records import Access, Store, finding_of

TRAINED: Final = 200
"""Records the first pack learns from."""
NOTES: Final = 80
"""Notes it reads, and of those how many are corrected."""
JUDGED: Final = 40
OTHERS: Final = {"bc5cdr": 10, "ncbi_disease": 10, "cMedQANER": 200}
"""Texts of the other corpora of the data set `notes`."""
CHOICES: Final = ("epochs=4", "options.epochs_zh=20", "options.width_zh=160")
RECORDS: Final = "text/chineseblue/cEHRNER/train.bio.txt"
NOTED: Final = "notes.txt"
BEGINNING: Final = 40
"""Records that begin with the same characters are taken for one."""
APART: Final = {".txt": "\n\n", ".json": "\n"}
"""What parts the texts of a file."""


def first(data: DataFolders, path: str, part: slice, target: Path) -> None:
    """Copy some texts of a file."""
    between = APART[Path(path).suffix]
    texts = data.find(path).read_text(encoding="utf-8").strip("\n").split(between)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(between.join(texts[part]) + between, encoding="utf-8")


def prepare(data: DataFolders, folder: Path) -> list[corpora.Document]:
    """Write what is trained on (`train`) and measured on (`test`); return the notes."""
    for name, count in OTHERS.items():
        path = f"text/{SCHEMES[name].files[0]}"
        first(data, path, slice(count), folder / "train" / path)
    rest = TRAINED + NOTES
    first(data, RECORDS, slice(TRAINED), folder / "train" / RECORDS)
    first(data, RECORDS, slice(TRAINED, rest), folder / NOTED)
    first(data, RECORDS, slice(rest, None), folder / "test" / SCHEMES["cEHRNER"].test[0])
    return corpora.characters(folder / NOTED)


def trained(folder: Path, *more: str) -> Path:
    """Run the command and install what it made; return where that lies."""
    chosen = [part for choice in CHOICES for part in ("--set", choice)]
    command = "from suwen.app.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", command, "train", ENTITIES, "--quiet", *chosen, *more],
        env=os.environ | {"SUWEN_DATA": str(folder / "train")},
        check=True,
    )
    newest = max((settings().home / "runs" / ENTITIES).iterdir())
    return packs.install(newest / "pack")


def admit(access: Access, note: corpora.Document) -> str:
    """Store a note as a patient's and let it be read; return the patient."""
    patient = access.new_patient([("urn:note", note.key)])
    digest = access.put_blob(patient, note.text.encode(), "text/plain")
    attachment = {"contentType": "text/plain", "url": f"blob/{digest}"}
    document: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{patient}"},
        "content": [{"attachment": attachment}],
    }
    access.put([document], patient)
    answer(access, patient, ENTITIES)
    return patient


def judged(access: Access, patient: str, note: corpora.Document) -> int:
    """Say of each mention what the true labels say; return how many acts that took."""
    types = SCHEMES["cEHRNER"].types
    true = {(start, end): types[kind] for start, end, kind in note.spans}
    found, made = set(), []
    now = datetime.now(UTC)
    for record in access.search("Finding", patient, code=ENTITIES):
        finding = finding_of(record)
        if finding.probability is None or not isinstance(finding.evidence[0], TextSpan):
            continue
        place = corrected.place_of(finding)
        stretch = next((one for one in true if one[0] < place.end and place.start < one[1]), None)
        if stretch is None or stretch in found:
            said = Correction(place, "rejected", Meant(finding.code.code), place, "gold", now)
        else:
            found.add(stretch)
            stands = Place(place.note, *stretch)
            same = stands == place and true[stretch] == finding.code.code
            verdict: Verdict = "accepted" if same else "edited"
            said = Correction(place, verdict, Meant(true[stretch]), stands, "gold", now)
        made.append(said)
    (reference,) = [r.reference for r in access.case(patient).of("DocumentReference")]
    for stretch in true.keys() - found:
        place = Place(reference, *stretch)
        made.append(Correction(place, "added", Meant(true[stretch]), place, "gold", now))
    corrections.keep(access, patient, Wish(tuple(made), {}))
    return len(made)


def correct(notes: Sequence[corpora.Document]) -> int:
    """Let the pack in use read the notes; correct those that wait first; return the acts."""
    with Store.open(settings()) as store:
        access = store.session(operator(store), "treatment")
        known = {admit(access, note): note for note in notes}
        of = {
            record.reference: str(record.content["subject"]["reference"]).rpartition("/")[2]
            for record in access.search("DocumentReference", limit=corrected.MOST)
        }
        waiting = corrected.queue(access, of)[:JUDGED]
        most, least = waiting[0].entropy, waiting[-1].entropy
        print(f"notes corrected: {most:.1f} to {least:.1f} bits in doubt")
        return sum(judged(access, of[one.note], known[of[one.note]]) for one in waiting)


def compared(folder: Path, before: Pack, after: Pack) -> dict[str, Any]:
    """Return strict F1 of both packs and of the floor on records that none saw."""
    task = registry.find(ENTITIES)
    examples = task.examples(DataFolders((), folder / "test"), "cEHRNER")
    seen = [*corpora.characters(folder / "train" / RECORDS), *corpora.characters(folder / NOTED)]
    begun = {one.text[:BEGINNING] for one in seen}
    examples = examples.subset(
        [i for i in range(len(examples)) if examples.load(i).data.text[:BEGINNING] not in begun]
    )
    metrics = {}
    for name, pack in (("before", before), ("after", after)):
        said = predict_all(task, pack, examples, INDEPENDENT)
        rows = rows_of(task, pack, examples, said)
        metrics[name] = measure.metrics_of(rows)["f1"]
    (floor,) = floors_of(task.answers, examples).values()
    metrics["list of names"] = measure_spans.ranking(floor)["f1"]
    metrics["change"] = difference(metrics["after"], metrics["before"])
    found = estimates(metrics, examples.groups)
    return {name: measure.as_json(one) for name, one in found.items()} | {"n": len(examples)}


def main() -> None:
    """Go round once and print what it changed."""
    rooms.load()
    data = DataFolders.from_settings()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(os.environ.get("SUWEN_LOOP", place))
        os.environ["SUWEN_HOME"] = str(folder / "home")
        settings.cache_clear()
        notes = prepare(data, folder)
        before = Pack.load(trained(folder))
        print(f"{correct(notes)} mentions judged in {JUDGED} notes")
        after = Pack.load(trained(folder, "--from-corrections"))
        card = after.content("card.json", needed=True)
        print(f"the new pack may ship: {card['data']['shippable']}; {card['data']['name']}")
        print(f"in use now: {packs.current(ENTITIES).identity == after.identity}")
        print(json.dumps(compared(folder, before, after), indent=1))


if __name__ == "__main__":
    main()
