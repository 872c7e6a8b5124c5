"""The parts of a card that depend on the kind of answer: figures, calibration, bands, intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from suwen.lifecycle.card import sets
from suwen.lifecycle.card.words import BY_CLASS, label, lower_is_better, number, of_class
from suwen.lifecycle.measure.answered import SPREAD_EXAMPLES
from suwen.lifecycle.measure.figures import resamples_for
from suwen.lifecycle.measure.values import coverage_key

RULES = {
    "half": "fixed",
    "youden": "best Youden index",
    "f1": "best F1",
    "break-even": "sensitivity and precision alike",
}
"""How an operating point is found, in words."""


def figures(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of metrics, and for more than two classes one by class."""
    results, classes = card["results"], card["classes"]
    yield "## Figures"
    yield ""
    how = card["split"]["kind"]
    yield f"{results['n']} samples of {results['groups']} patients (groups), {how};"
    yield f"95 % intervals by bootstrap over patients, {resamples_for(results['n']):,} resamples."
    yield ""
    yield "| metric | value [95 % interval] |"
    yield "|---|---|"
    for name, entry in results["metrics"].items():
        if not of_class(name, classes) and not name.startswith(sets.BY_CLASS):
            arrow = " (lower is better)" if lower_is_better(name) else ""
            yield f"| {label(name)}{arrow} | {number(entry)} |"
    yield ""
    if classes:
        yield from _by_class(card)
    elif "per" in card["bands"]:
        yield from _rates(card)
    elif "operating_point" in results["metrics"]:
        yield from _operating_point(card)


def _operating_point(card: Mapping[str, Any]) -> Iterator[str]:
    point = card["results"]["metrics"]["operating_point"]
    rule = card["bands"]["operating_rule"]
    yield "Accuracy, sensitivity, specificity, F1, precision, recall, balanced accuracy and MCC are"
    yield f"those at the probability {point['value']:.3g} ({RULES[rule]})" + (
        "."
        if rule == "half"
        else f"; each fold was measured at the one found without it, {point['low']:.3g} to "
        f"{point['high']:.3g}."
    )
    yield ""


def _rates(card: Mapping[str, Any]) -> Iterator[str]:
    per = card["bands"]["per"][0]
    yield f"Sensitivity at a number of false alarms (FP) per {per}: the share of true places found"
    yield "at the lowest threshold that gives no more of them; CPM is the mean of the seven. A mark"
    yield "finds a place within its radius, at least 3 mm; further marks on it and marks on places"
    yield "that do not count are neither hits nor false alarms (Setio et al., Med Image Anal 42:1,"
    yield f"2017). Sensitivity and false alarms (per {per}) are those at the operating threshold,"
    yield "out of fold the one found without that fold; ECE shown is that of the marks above it."
    yield ""


def sizes(results: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the strata of true places mean, where there are some."""
    if "true size" in results["subgroups"]:
        yield "By true size n counts true places, all at the threshold that gives one false alarm"
        yield "per sample over all samples."
        yield ""


def _by_class(card: Mapping[str, Any]) -> Iterator[str]:
    metrics = card["results"]["metrics"]
    if card["bands"].get("operating_point") is not None:
        yield from _as_a_whole(card)
    else:
        yield "The most probable class is called. AUROC, AUPRC, F1, precision and recall above"
        yield "are plain means over the classes, each against the rest; ECE is that of the most"
        yield "probable class, ECE class wise the mean of all; AUROC any tells anything else from"
        yield "the first."
    yield ""
    yield f"| class | key | {' | '.join(map(label, BY_CLASS))} |"
    yield "|---|---|" + "---|" * len(BY_CLASS)
    for key, name in card["classes"].items():
        cells = " | ".join(number(metrics.get(f"{metric}_{key}")) for metric in BY_CLASS)
        yield f"| {name['en']} · {name['zh']} | `{key}` | {cells} |"
    yield ""


def _as_a_whole(card: Mapping[str, Any]) -> Iterator[str]:
    """Say what the plain figures are of, and where the operating point comes from."""
    bands = card["bands"]
    first = next(iter(card["classes"].values()))["en"]
    point, prevalence = bands["operating_point"], bands["prevalence"]
    yield f"The plain figures tell anything else from {first}; those of the classes, each against"
    yield "the rest, end in `_of_classes` or a class's name. Anything else is called from the"
    yield f"probability {point:.3f} on, the most probable of the others then being named."
    if prevalence is not None:
        yield f"That point is even odds where {prevalence:.0%} of the pictures or records asked"
        yield "about show anything else, moved by Bayes' rule to the prevalence of the development"
        yield "data, which the probabilities shown refer to. It was set before measuring and tuned"
        yield "on nothing; a site with another prevalence should state its own in the recipe."


def calibration(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield calibrator, bands, and what the intervals are worth; nothing for a mask."""
    places = "per" in card["bands"]
    found = card["calibration"]
    if found["kind"] is None:
        return
    if found["level"] is not None:
        yield from _conformal(card)
        return
    yield "## Calibration and decision bands"
    yield ""
    losses = ", ".join(f"{k} {v:.4f}" for k, v in found["cross_fitted_log_loss"].items())
    yield f"Calibrator: {found['kind']} (cross-fitted log loss: {losses})."
    yield ""
    if card["classes"]:
        yield card["bands"]["rule"]
        yield ""
    if places:
        yield from _marks(card)
        return
    if not card["bands"]:
        yield "The probability of a stretch is that of its being right: start, end and type. Its"
        yield "95 % interval is the doubt about the calibrator (sandwich covariance by group)."
        yield ""
        return
    yield "| band | probability | error budget | measured (cross-fitted) |"
    yield "|---|---|---|---|"
    yield from (_class_bands if card["classes"] else _bands)(card)
    yield ""
    yield from _probability_intervals(card["results"]["metrics"])


def _marks(card: Mapping[str, Any]) -> Iterator[str]:
    bands, per = card["bands"], card["bands"]["per"][0]
    yield f"| band | logit | false alarms per {per} | measured (cross-fitted) | sensitivity |"
    yield "|---|---|---|---|---|"
    for name, logit, start in (("rule-in", "rule_in", "rule_in_"), ("shown", "operating", "")):
        stated, alarms, found = (
            bands[key]
            for key in (
                f"{start}false_alarms",
                f"measured_{start}false_alarms",
                f"measured_{start}sensitivity",
            )
        )
        yield f"| {name} | ≥ {bands[logit]:.3f} | {stated:g} | {alarms:.3f} | {found:.3f} |"
    yield ""
    yield "Weaker marks are not shown, and where nothing is marked nothing is ruled out. The"
    yield "probability of a mark is that of its lying on a true place; its 95 % interval is the"
    yield "doubt about the calibrator alone (sandwich covariance by patient), since members mark"
    yield "different places and have no spread at one."
    yield ""


def _bands(card: Mapping[str, Any]) -> Iterator[str]:
    bands = card["bands"]
    yield (
        f"| rule-in | ≥ {bands['rule_in']:.3f} | {bands['rule_in_false_alarms']:.1%} of negatives "
        f"| {bands['measured_false_alarms']:.1%} |"
    )
    yield (
        f"| rule-out | < {bands['rule_out']:.3f} | {bands['rule_out_misses']:.1%} of positives "
        f"| {bands['measured_misses']:.1%} |"
    )


def _class_bands(card: Mapping[str, Any]) -> Iterator[str]:
    bands, names = card["bands"], [name["en"] for name in card["classes"].values()]
    for k, name in list(enumerate(names))[1:]:
        yield (
            f"| rule-in: {name} | ≥ {bands['rule_in'][k]:.3f} | "
            f"{bands['rule_in_false_alarms']:.1%} of all others | "
            f"{bands['measured_false_alarms'][k]:.1%} |"
        )
    yield (
        f"| rule-out: {names[0]} | anything else < {bands['rule_out']:.3f} | "
        f"{bands['rule_out_misses']:.1%} of all but {names[0]} | {bands['measured_misses']:.1%} |"
    )


def _probability_intervals(metrics: Mapping[str, Any]) -> Iterator[str]:
    if "interval_coverage_with_noise" not in metrics:
        return
    yield "### What the interval of a probability is worth"
    yield ""
    width, held = (number(metrics[f"interval_{name}"]) for name in ("width", "coverage_with_noise"))
    yield "The 95 % interval shown with a probability joins the spread of the members and the doubt"
    yield f"about the calibrator; its mean width is {width}. In overlapping bins of a tenth of the"
    yield "samples the observed share agrees with the mean interval, widened by the sampling noise"
    yield f"of that share (by patient), for {held} of the samples, where an honest interval"
    yield "reaches about 0.95 or more."
    if alone := metrics.get("coverage_by_noise_alone"):
        yield f"By that noise alone, without any interval, it would be {number(alone)}: where this"
        yield "is near 0.95 the probabilities cannot be told from exact ones on so many samples."
    yield ""
    yield "This checks means of bins, not one patient: a single outcome cannot contradict a"
    yield "probability (Barber, Electronic Journal of Statistics 14:3487, 2020; frequencies by bin:"
    yield "Gupta et al., NeurIPS 2020). Out of fold one member answers, so the spread is that of"
    yield f"all members on {SPREAD_EXAMPLES} of the examples, which all but one of them were"
    yield "trained on; on patients of another source the intervals may hold less."
    yield ""


def _conformal(card: Mapping[str, Any]) -> Iterator[str]:
    found, metrics = card["calibration"], card["results"]["metrics"]
    level = found["level"]
    scores = ", ".join(f"{k} {v:.4g}" for k, v in found["cross_fitted_interval_score"].items())
    yield "## Prediction intervals"
    yield ""
    yield f"Conformal (CV+; Barber et al., Ann Stat 49:486, 2021) at the level {level:g}, residuals"
    yield f"{found['kind']} (cross-fitted interval score, lower is better: {scores})."
    yield ""
    held, width = number(metrics[coverage_key(level)]), number(metrics["interval_width"])
    yield f"Out of fold {held} of the true values lie inside; mean width {width}. This promises a"
    yield "share of all samples, not of each subgroup, and holds for patients like those of the"
    yield "development data. Samples of one patient are not exchangeable with those of another, so"
    yield "the guarantee of the theory is approximate."
    yield ""
