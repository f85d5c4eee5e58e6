"""The page of the study of propagation: what it says of figures that are told, not told, or undefined."""

from typing import Any

import pytest

from partwise.measure.contrasts import contrasts
from partwise.measure.intervals import OF_SHARES, SHARE, over_seeds, rate
from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.studies.propagation.contrasts import CONTRASTS
from partwise.studies.propagation.figures import ASK
from partwise.studies.propagation.page import CHANGES
from partwise.studies.propagation.page import page as propagation_page
from partwise.studies.propagation.sentences import propagation_sentences

PRIMARY = "composed: trained - untrained"


def _figure(*values: float | None) -> dict[str, Any]:
    return over_seeds(values, SHARE).to_json() | {"by_seed": list(values)}


def _results(*seeds: float | None, found: dict[str, list[float | None]] | None = None) -> dict[str, Any]:
    """Results in which every figure is the same, and contrasts are as given or else undefined."""
    figure, nothing = _figure(*seeds), [None] * len(seeds)
    change = {
        "moved": [0.0, 1.0],
        **dict.fromkeys(
            ("followed", "fidelity", "fidelity_at_the_end", "retention", "latency_labels"), figure
        ),
        **dict.fromkeys(("scratch", "retrained", "retrained_with_as_many"), figure),
        **dict.fromkeys(("latency_rounds", "alarm_delay"), figure | {"never": 2}),
        **{name: [figure, figure] for name in ("aligned_now", "aligned_new", "aligned_old", "agreement")},
        "groups": {"moving": [figure, figure]},
        "dissent": {"quiet": 0.4},
    }
    way = {
        "labels": [10, 20],
        "agreement": [figure, figure],
        "aligned": [figure, figure],
        "needed": figure | {"never": 0},
        "share_of": {"random": figure, "unrepeated": figure},
    }
    alarms = [False] * 49 + [True]
    return {
        "seeds": list(range(len(seeds))),
        "at": 1,
        "rollouts": {"scratch": 100, "followed": 25},
        "contrasts": contrasts(
            PRIMARY, dict.fromkeys(CONTRASTS, nothing) | (found or {}), {PRIMARY: OF_SHARES}
        ),
        "changes": dict.fromkeys(CHANGES, change),
        "frequency": {"1": {"aligned": figure, "labels_a_round": figure}},
        "labels": dict.fromkeys(ASK, way),
        "alarm": {
            "quiet_rounds": 50,
            "false_alarms": 1,
            "rate": rate(alarms).to_json(),
            "seeds": 5,
            "seeds_with_false_alarms": 1,
        },
    }


def test_a_page_says_undefined_where_nothing_is_defined():
    page = propagation_page(_results(None, None, None))
    assert "correct in undefined of tasks" in page_markdown(page)
    assert "can't be told" not in page_markdown(page)
    assert "sounds not at all after a change in the composition, and not at all after" in page_markdown(page)
    assert "uncertain needs an undefined share of the labels" in page_markdown(page)
    assert "undefined" in page_html(page) and "nan" not in page_html(page).lower()


def test_the_change_that_the_planner_must_learn_comes_first_and_its_control_beside_it():
    primary, first, *rest = propagation_sentences(_results(0.7, 0.8, 0.9))
    assert primary.endswith("`composed: trained - untrained` is undefined.")
    assert "lies in the composition" in first and "left as it is after the change" in first
    parts = next(sentence for sentence in rest if "lies in the parts" in sentence)
    assert "left as it is after the change" in parts


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([0.4, 0.5, 0.6], "The difference is .50 [.25, .75]."),
        ([-0.4, -0.5, -0.6], "The difference is −.50 [−.75, −.25]."),
        ([-0.1, 0.5, 0.1], "The difference is .17 [−.59, .93] (can't be told from 0)."),
        ([-1.0, 0.5, 1.0], "The difference is .17 [−1.00, 1.00] (can't be told from 0)."),
    ],
)
def test_a_sentence_says_whether_its_contrast_can_be_told(seeds: list[float | None], says: str):
    assert says in propagation_sentences(_results(0.7, 0.8, 0.9, found={PRIMARY: seeds}))[1]


def test_that_the_parts_are_the_proxys_is_said_only_where_it_is_found():
    def said(**found: list[float | None]) -> bool:
        named = {f"parts: {name.replace('_', ' - ')}": values for name, values in found.items()}
        sentences = propagation_sentences(_results(0.7, 0.8, 0.9, found=named))
        return any("the proxy's, which writes the parts" in sentence for sentence in sentences)

    carried: list[float | None] = [0.9, 0.91, 0.92]
    nothing: list[float | None] = [0.01, -0.01, 0.02]
    assert said(untrained_before=carried, trained_untrained=nothing)
    assert not said(untrained_before=nothing, trained_untrained=nothing)
    assert not said(untrained_before=nothing, trained_untrained=carried)
    assert not said(untrained_before=carried, trained_untrained=carried)


def test_chosen_questions_are_compared_with_random_ones_that_do_not_repeat_either():
    untold: list[float | None] = [0.5, -0.5, 0.1]
    results = _results(0.4, 0.5, 0.6, found={"labels saved: uncertain over unrepeated": untold})
    results["labels"] = results["labels"] | {
        "unrepeated": results["labels"]["unrepeated"] | {"share_of": {"random": _figure(0.45, 0.55)}}
    }
    chosen, _, repeats = propagation_sentences(results)[-3:]
    assert (
        "uncertain needs .50 [.25, .75] (the saving: can't be told from 0) of the labels that random "
        "questions" in chosen
    )
    assert (
        "Of the .50 of labels that asking what is uncertain saves over those, not repeating alone saves .50"
        in repeats
    )
    results["contrasts"] = contrasts(PRIMARY, {name: [0.5, 0.51, 0.52] for name in CONTRASTS})
    chosen, _, repeats = propagation_sentences(results)[-3:]
    assert "can't be told" not in chosen + repeats


def test_alarms_are_counted_with_an_interval_and_by_seed():
    alarm = next(s for s in propagation_sentences(_results(0.4, 0.5)) if s.startswith("The alarm"))
    assert "Of 50 quiet rounds it sounds in 1, .02 [.00, .10] of them, and at all in 1 of 5 seeds" in alarm
    assert "rounds (in 2 of 2 seeds not at all) after that of a change in the composition" in alarm


@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (3, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(seeds: int, quick: bool):
    told: list[float | None] = [0.5, 0.51, 0.52][:seeds]
    results = _results(*told, found=dict.fromkeys(CONTRASTS, told)) | {"quick": quick}
    said = " ".join(propagation_sentences(results))
    for word in ("differ", "brings", "told from 0", "the proxy's", "needs"):
        assert word not in said
    assert f"`{PRIMARY}`, by seed .50" in said and "The alarm sounds" in said


def test_what_never_comes_nine_tenths_of_the_way_is_said():
    assert "; in 2 of 3 seeds it never does." in propagation_sentences(_results(0.7, 0.8, 0.9))[3]
    assert "undefined: in 2 of 3 seeds it never does." in propagation_sentences(_results(None, None, None))[3]


@pytest.mark.parametrize(("seeds", "drawn"), [(3, True), (20, False)])
def test_few_seeds_are_drawn_one_by_one_and_the_caption_says_so(seeds: int, drawn: bool):
    page = propagation_page(_results(*(0.5 + 0.01 * seed for seed in range(seeds))))
    assert len(page.pictures) == 2
    for picture in page.pictures:
        assert ("small points are the seeds" in picture.caption) is drawn
        assert ("opacity: 0.5" in picture.svg) is drawn
