"""A question answered from one row of a table by boosted trees: what such tasks share.

A task names its columns, who is asked about and who is not, and where its examples lie. Trees take
a missing value as missing. Every answer says which values moved it, by groups of columns, and that
this is association: no cause follows from it.

References: Ke et al., NeurIPS 2017 (LightGBM); Sundararajan & Najmi, ICML 2020 (Shapley values
against one baseline).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding, RecordValue
from suwen.health.tables.row import Columns, TableRow
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Answers
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.sealed.trees import slimmed
from suwen.lifecycle.task import Perturbation, Reads

TREES: Final = "trees.lgb.txt"
METHOD: Final = "contributions"
SHOWN: Final = 5
"""Groups named as evidence: those that moved the answer most."""
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
PATHS: Final[Mapping[str, str]] = {
    "Patient": "Patient.birthDate",
    "Condition": "Condition.code",
    "Encounter": "Encounter.period.start",
    "Observation": "Observation.value",
}
"""What is read of each kind of record."""
ASSOCIATION: Final = Text(
    en="Raised and lowered means against what is typical in the data. It is association, not "
    "cause: changing a value need not change the risk.",
    zh="升高与降低均相对于数据中的典型值而言，只是关联，并非因果：改变某项数值未必改变风险。",
)


class TableTask:
    """The five methods and the explanation of a question about one row."""

    name: str
    title: Text
    reads: tuple[Reads, ...]
    answers: Answers
    after: tuple[str, ...] = ()
    datasets: tuple[str, ...]
    apart: Mapping[str, tuple[str, ...]] = {}
    perturbations: tuple[Perturbation, ...]
    timed = True
    explanations = (METHOD,)
    random_orders = 20
    """Random explanations that one of a person is measured against: answers cost little here."""
    imbalances = ("none",)
    recipe = Recipe(folds=5, epochs=1, calibration="temperature")
    domain_names: Mapping[str, Text] = {
        "age": Text(en="Age in years", zh="年龄"),
        "known": Text(en="Values known", zh="已知数值的项数"),
    }
    columns: Columns
    trees: Mapping[str, Any]
    """Options of the trees beside `OPTIONS`."""
    rounds: ClassVar[int]
    hidden: ClassVar[float] = 0.0
    """Share of values hidden in a second copy of the training rows: what is always known in the
    data may be missing in a Case."""
    population: Text
    """Whom it was learnt from, in one sentence of every answer."""

    def row(self, case: Case) -> TableRow | None:
        """Return the row of a Case; None where the question does not arise."""
        raise NotImplementedError

    def unasked(self, row: TableRow) -> list[Text]:
        """Say why the question cannot be asked of this person; nothing where it can."""
        raise NotImplementedError

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the labelled rows of a data set."""
        raise NotImplementedError

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return the person as one sample; none where the question does not arise."""
        row = self.row(case)
        if row is None:
            return []
        records = tuple(dict.fromkeys(one for one in (*row.records, *row.also) if one))
        evidence = tuple(_value(one) for one in records)
        everyone = tuple(one.reference for one in case.of("Patient"))
        return [Sample("person", row, evidence, tuple(dict.fromkeys((*records, *everyone))))]

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member: a fixed number of boosted trees; the validation part only watches."""
        import lightgbm

        names = [key.replace(" ", "_") for key in self.columns.keys]
        rows, labels = table_of(train), np.asarray(train.labels, dtype=int)
        given, wanted = hiding(rows, labels, self.hidden, recipe.seed)
        losses: dict[str, Any] = {}
        learnt = lightgbm.Dataset(given, wanted, feature_name=names)
        watched = lightgbm.Dataset(table_of(valid), np.asarray(valid.labels), feature_name=names)
        trees = lightgbm.train(
            {**OPTIONS, **self.trees, "seed": recipe.seed},
            learnt,
            self.rounds,
            valid_sets=[watched],
            callbacks=[lightgbm.record_evaluation(losses)],
        )
        (folder / TREES).write_text(slimmed(trees.model_to_string()), encoding="utf-8")
        curve = losses["valid_0"]["binary_logloss"]
        return {
            "trees": TREES,
            "columns": names,
            "typical": _typical(rows),
            "history": [
                {"epoch": float(i + 1), "valid_loss": value} for i, value in enumerate(curve)
            ],
        }

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return one logit a member."""
        row: TableRow = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        domain = {"age": float(np.nan_to_num(row.age)), "known": float(row.known)}
        return Output(_logits(pack, row.values[None], chosen)[:, 0], domain)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the calibrated probability with what moved it, or why there is none."""
        row: TableRow = sample.data
        reasons = self.unasked(row) or pack.guard.reasons(output.domain)
        if reasons:
            return [abstention(self, pack, sample, [*reasons, *self._gaps(row)])]
        found = say.finding(self, pack, sample, output)
        moved, shapley = explain.check_if_shown(self, pack, sample, METHOD)
        update: dict[str, Any] = {"explanations": (shapley,), "valid_until": row.until}
        if moved is not None and shapley.hidden_because is None and row.records:
            update["evidence"] = self._moving(row, moved) or found.evidence
        found = found.model_copy(update=update)
        for sentence in (*self._gaps(row), self.population, ASSOCIATION):
            found = say.with_sentence(found, sentence)
        return [found]

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return 1 for each group of columns: all of them are there, (groups,)."""
        return np.ones(len(self.columns.groups))

    def baseline(self, pack: Pack, sample: Sample) -> Array:
        """Return 0 for each group: instead of each, what is typical."""
        return np.zeros(len(self.columns.groups))

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return how far each group moved the logit away from what is typical, (groups,).

        The mean of what it adds to a typical person and of what is lost where it alone is typical:
        the Shapley values against that person, as long as no three groups act only together.
        """
        if method not in self.explanations:
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        own = np.eye(len(self.columns.groups))
        first, whole = self._scores(pack, sample, own), self._scores(pack, sample, 1 - own)
        empty, full = self._scores(pack, sample, np.stack([own[0] * 0, own[0] * 0 + 1]))
        return np.asarray(((first - empty) + (full - whole)) / 2)

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the logit with the groups at 0 replaced by what is typical."""
        return float(self._scores(pack, sample, np.asarray(values)[None])[0])

    def _scores(self, pack: Pack, sample: Sample, kept: Array) -> Array:
        """Return the mean logits with groups left out: `kept` is (m, groups) of 0 and 1."""
        typical = np.mean([pack.member(k)["typical"] for k in range(pack.members)], axis=0)
        rows = np.where(kept[:, self.columns.group_of] > 0, sample.data.values, typical)
        return np.asarray(_logits(pack, rows, range(pack.members)).mean(0))

    def _gaps(self, row: TableRow) -> list[Text]:
        """Say which recorded values cannot be believed, and which are not known."""
        odd = dict(row.unused)
        said = [(self.columns.all[k], value) for k, value in odd.items()]
        found = []
        if said:
            en = ", ".join(f"{one.name.inside().en} {one.said(v).en}" for one, v in said)
            zh = "、".join(f"{one.name.zh} {one.said(v).zh}" for one, v in said)
            found.append(
                Text(
                    en=f"Recorded but not believed, so taken as unknown: {en}.",
                    zh=f"有记录但不可信，按未知处理：{zh}。",
                )
            )
        lacking = [
            self.columns.all[k].name for k in np.flatnonzero(~row.there).tolist() if k not in odd
        ]
        if lacking:
            en = ", ".join(name.inside().en for name in lacking)
            zh = "、".join(name.zh for name in lacking)
            found.append(Text(en=f"Not known: {en}.", zh=f"未知：{zh}。"))
        return found

    def _moving(self, row: TableRow, moved: Array) -> tuple[RecordValue, ...]:
        """Return the groups that moved the answer most, each by the record of one of its values."""
        found = []
        for k in np.argsort(-np.abs(moved), kind="stable")[:SHOWN].tolist():
            own = [c for c in np.flatnonzero(self.columns.group_of == k) if row.records[c]]
            if not own:
                continue
            told = [(self.columns.all[c], row.values[c]) for c in own]
            found.append(
                _value(row.records[own[0]]).model_copy(
                    update={
                        "weight": float(moved[k]),
                        "note": _note(
                            [(one.name, one.said(float(value))) for one, value in told], moved[k]
                        ),
                    }
                )
            )
        return tuple(found)


def table_of(examples: Examples) -> Array:
    """Return the values of labelled rows, (n, columns)."""
    return np.stack([examples.load(i).data.values for i in range(len(examples))])


def open_trees(folder: Path) -> Any:
    """Return the trees that `fit` left in a folder, as they ship."""
    import lightgbm

    return lightgbm.Booster(model_str=(folder / TREES).read_text(encoding="utf-8"))


def hiding(rows: Array, labels: Array, share: float, seed: int) -> tuple[Array, Array]:
    """Return the rows and, below them, the same rows with a share of the values hidden."""
    if not share:
        return rows, labels
    gone = np.random.default_rng(seed).random(rows.shape) < share
    return np.vstack([rows, np.where(gone, np.nan, rows)]), np.tile(labels, 2)


def _typical(rows: Array) -> list[float]:
    """Return the median of each column over the rows that have it; 0 where none has."""
    known = [column[np.isfinite(column)] for column in rows.T]
    return [round(float(np.median(one)), 4) if len(one) else 0.0 for one in known]


def _logits(pack: Pack, rows: Array, members: Sequence[int]) -> Array:
    """Return the logits of each member, (members, n)."""
    return np.array([pack.booster(TREES, k).predict(rows, raw_score=True) for k in members])


def _value(record: str) -> RecordValue:
    return RecordValue(record=record, path=PATHS[record.partition("/")[0]])


def _note(values: Sequence[tuple[Text, Text]], moved: float) -> Text:
    up = moved > 0
    en = ", ".join(
        f"{name.en if not i else name.inside().en} {value.en}"
        for i, (name, value) in enumerate(values)
    )
    return Text(
        en=f"{en} {'raised' if up else 'lowered'} the log odds by {abs(moved):.2f}",
        zh="、".join(f"{name.zh} {value.zh}" for name, value in values)
        + f" 使对数几率{'升高' if up else '降低'} {abs(moved):.2f}",
    )
