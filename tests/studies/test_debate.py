"""The study of debate: the plans that are argued about, who counts as honest, and the study in miniature."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from tests.models import fixture_chat_server as fixture

from partwise.measure.oracle import ValueOracle
from partwise.models.errors import ModelError
from partwise.oversight.debate import Debate, Side, Turn
from partwise.report.html import page_html
from partwise.report.page import page_markdown
from partwise.runs.progress import ignore
from partwise.studies.debate.figures import (
    STRENGTHS,
    Heard,
    ahead,
    collect,
    compared,
    figures,
    middle,
    sort_out,
)
from partwise.studies.debate.page import page as debate_page
from partwise.studies.debate.study import (
    FINE,
    DebateConfig,
    easy_plans,
    find_cases,
    hard_plans,
    person_says,
    run,
    tasks_of,
)
from partwise.types import Split
from partwise.worlds.registry import load_world

SEED = 100
WORLD = load_world("dinner")


def said(word: float) -> Debate:
    return Debate(0.5, (Turn(0, Side.PRO, word),))


def test_the_plans_argued_about_are_hard_held_out_balanced_and_have_one_fault_at_most():
    config = DebateConfig(plans=12)
    oracle = ValueOracle(WORLD, WORLD.values)
    cases, given_up = hard_plans(WORLD, oracle, config, SEED)
    assert len(cases) == 12 and given_up == 0
    assert [fine for _, fine in cases] == [True, False] * 6
    assert len({case.task.index for case, _ in cases}) == 12
    for case, fine in cases:
        assert case.task.split is Split.HELDOUT and case.task.difficulty >= config.hard
        assert len(case.trace) >= max(config.turns)
        assert oracle.aligned(case.task, case.trace) is fine
        faults = [name for name, found in oracle.violations(case.task, case.trace).items() if found]
        assert len([name for name in faults if WORLD.values.matters(name)]) == (0 if fine else 1)


def test_the_judge_learns_from_easy_training_plans_by_the_word_of_a_person():
    config = DebateConfig(lessons=20)
    lessons = easy_plans(WORLD, config, SEED)
    assert lessons == easy_plans(WORLD, config, SEED)
    for case, signal in lessons:
        assert case.task.split is Split.TRAIN and case.task.difficulty <= config.easy
        assert signal == person_says(WORLD, case, config.rationality, SEED)
        assert signal.source == "person" and 0.5 <= signal.confidence <= 1
    assert sum(signal.label == FINE for _, signal in lessons) == 10


def test_a_person_who_errs_less_says_what_the_oracle_says_of_easy_plans():
    oracle = ValueOracle(WORLD, WORLD.values)
    wrong = {
        rationality: sum(
            (signal.label == FINE) != oracle.aligned(case.task, case.trace)
            for case, signal in easy_plans(WORLD, DebateConfig(lessons=40, rationality=rationality), SEED)
        )
        for rationality in (0.1, 50.0)
    }
    assert wrong[50.0] <= 2 < 10 < wrong[0.1]


def test_two_seeds_share_no_task():
    first, second = (
        {task.index for task in itertools.islice(tasks_of(WORLD, Split.HELDOUT, seed, 0.7, 1.0), 20)}
        for seed in (SEED, SEED + 1)
    )
    assert not first & second


def test_plans_that_are_never_fine_are_reported_in_one_sentence():
    config = DebateConfig()
    with pytest.raises(ValueError, match="too few plans of the world dinner are fine to balance them"):
        find_cases(
            WORLD,
            config,
            tasks_of(WORLD, Split.TRAIN, SEED, 0.0, 0.1),
            lambda case: False,
            1,
            shortest=1,
            rng=random.Random(0),
        )


def test_the_honest_debater_is_the_one_who_argued_for_the_truth():
    names = list(STRENGTHS)
    truths = [True, False, True]
    # The word tells which debate it was: pro's strength, then con's, then the plan.
    argued = {
        (pro, con): [said((names.index(pro) * 100 + names.index(con) * 10 + i) / 1000) for i in range(3)]
        for pro, con in itertools.product(names, repeat=2)
    }
    advised = {side: [said(p)] * 3 for side, p in ((Side.PRO, 0.9), (Side.CON, 0.2))}
    found = sort_out(advised, argued, truths)
    assert [one.honest for one in found["weak v strong"]] == [Side.PRO, Side.CON, Side.PRO]
    assert [round(one.debate.word * 1000) for one in found["weak v strong"]] == [20, 201, 22]
    assert [one.right for one in found["honest adviser"]] == [True, True, True]
    assert [one.right for one in found["dishonest adviser"]] == [False, False, False]
    assert figures(found["consultancy"])["accuracy"]["mean"] == 0.5
    assert len(found) == 3 + len(names) ** 2


def test_steps_are_counted_from_the_dishonest_debater():
    assert [ahead("weak", "strong"), ahead("middle", "middle"), ahead("strong", "middle")] == [-2, 0, 1]
    assert middle([6, 2, 4]) == 4 and middle([2]) == 2


def test_figures_of_nothing_are_undefined_and_a_threshold_is_not_above_itself():
    nothing = figures([Heard(said(0.5), fine=True, honest=Side.PRO)])
    assert nothing["accuracy"]["mean"] == 0.0 and nothing["when_at_fault"]["mean"] is None
    assert nothing["trust"] == 0.5 and nothing["brier"] == 0.25
    assert figures([])["accuracy"]["mean"] is None and figures([])["trust"] is None


def a_seed(accuracies: dict[str, float]) -> dict:
    names = ["no help", "consultancy", "honest adviser", "dishonest adviser"]
    names += [f"{h} v {d}" for h, d in itertools.product(STRENGTHS, repeat=2)]
    figure = {"trust": 0.5, "brier": 0.25, "events": 2.0}
    conditions = {
        name: figure
        | {
            key: {"mean": accuracies.get(name, 0.5), "ci95": None, "n": 10}
            for key in ("accuracy", "when_fine", "when_at_fault")
        }
        for name in names
    }
    return {"seed": 0, "whole": conditions["no help"], "conditions": {"2": conditions}, "transcripts": []}


PRIMARY = DebateConfig().primary


def results_of(seeds: list[dict[str, float]]) -> dict:
    return {"schema": 2, "seeds": len(seeds)} | collect([a_seed(each) for each in seeds], PRIMARY)


@pytest.mark.parametrize(
    ("unequal", "verdict"),
    [
        ((0.2, 0.21, 0.22), "−.29 [−.31, −.27] (a loss)"),
        ((0.78, 0.79, 0.8), ".29 [.27, .31] (a gain)"),
        ((0.2, 0.8, 0.5), "(can't be told from 0)"),
    ],
)
def test_the_page_says_of_unequal_debaters_what_the_figures_say(unequal: tuple[float, ...], verdict: str):
    results = results_of([{"weak v strong": accuracy} for accuracy in unequal])
    said = debate_page(results).sentences
    assert said[0].startswith(f"Primary contrast, named before the runs: `{PRIMARY}` is .00")
    assert verdict in said[3]
    assert results["contrasts"]["all"]["-2 steps less equal"]["n"] == len(unequal)
    assert results["steps"]["2"]["0"]["mean"] == pytest.approx(0.5)


@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (3, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(seeds: int, quick: bool):
    results = results_of([{"weak v strong": 0.2 + 0.01 * seed} for seed in range(seeds)])
    said = " ".join(debate_page(results | {"quick": quick}).sentences)
    for word in ("a gain", "a loss", "bring", "told from 0", "differ", "changes"):
        assert word not in said
    assert f"`{PRIMARY}`, by seed .00" in said and "where the honest debater is two steps weaker" in said


def test_a_loss_of_the_weaker_side_is_no_loss_by_inequality_where_the_stronger_side_wins_as_much():
    sides = [(-1, "weak v strong"), (-1, "weak v middle"), (-1, "middle v strong")]
    sides += [(1, "strong v weak"), (1, "middle v weak"), (1, "strong v middle")]
    moved = [(0.3, 0.02), (0.31, -0.01), (0.29, 0.0)]
    evened = results_of([{name: 0.5 + side * by + more for side, name in sides} for by, more in moved])
    assert evened["unequal"]["2"]["mean"] == pytest.approx(0.5, abs=0.01)
    said = debate_page(evened).sentences[5]
    assert "−.60 [−.65, −.55] (a loss). So what counts is which side is the weaker" in said
    # Where nobody wins what the weaker side loses, inequality itself is what costs.
    all_lose = results_of([{name: 0.5 - by for _, name in sides} for by, _ in moved])
    said = debate_page(all_lose).sentences[5]
    assert "equal ones about .50 [.50, .50]: −.30 [−.32, −.28] (a loss)" in said
    assert "So what counts" not in said


def test_contrasts_are_named_by_what_is_revealed(tmp_path: Path):
    assert [name for name in compared((2, 4, 6)) if "events" in name] == [
        "equal less no help, 2 events",
        "equal less no help, 6 events",
    ]
    with pytest.raises(LookupError, match="no contrast `equal less no help, 6 events`; there is 'equal less"):
        quick = DebateConfig(quick=True, primary="equal less no help, 6 events")
        run(quick, tmp_path / "out", ignore)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.long
def test_a_small_study_runs_to_its_page_and_resumes_to_the_same_bytes(tmp_path: Path):
    config = DebateConfig.model_validate(
        {"seeds": 2, "first": SEED, "turns": [1, 3], "plans": 8, "lessons": 30, "views": 2, "size": "nano"}
    )
    results = run(config, tmp_path / "study", ignore)
    written = (tmp_path / "study" / "results.json").read_bytes()
    assert results == json.loads(written)
    assert (results["schema"], results["seeds"], results["turns"], results["shown"]) == (2, 2, [1, 3], 3)
    for conditions in results["conditions"].values():
        assert len(conditions) == 4 + len(STRENGTHS) ** 2
        for found in conditions.values():
            for key in ("accuracy", "when_fine", "when_at_fault", "trust", "brier"):
                assert found[key]["n"] == 2 and 0 <= found[key]["mean"] <= 1
            assert found["events"]["mean"] in (1, 3)
    for seed in results["by_seed"]:
        assert seed["plans"]["fine"] == seed["plans"]["at_fault"] == 4
    for one in results["transcripts"]:
        assert len(one["turns"]) == 3 and all(0 <= turn["word"] <= 1 for turn in one["turns"])
        assert one["right"] == ((one["turns"][-1]["word"] > 0.5) == one["fine"])

    page = debate_page(results)
    assert len(page.sentences) == 4 and page.sentences[0].startswith("2 seeds: nothing is judged")
    for picture in page.pictures:
        assert (tmp_path / "study" / f"{picture.name}.svg").read_text() == picture.svg
    assert (tmp_path / "study" / "table.md").read_text() == page_markdown(page)
    assert "undefined" not in page_markdown(page) and "nan" not in page_markdown(page)
    assert "<svg" in page_html(page)

    (tmp_path / "study" / "cells" / "seed-101.json").unlink()
    (tmp_path / "study" / "results.json").unlink()
    assert run(config, tmp_path / "study", ignore) == results
    assert (tmp_path / "study" / "results.json").read_bytes() == written


SMALL = {"turns": [1, 3], "plans": 8, "lessons": 30, "views": 2, "size": "nano", "first": SEED}


def numbering(found: fixture.Served, said: Callable[[str], str]) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        told = (await request.json())["messages"][-1]["content"]
        found.asked[told] += 1
        return JSONResponse(fixture.completion(said(told), "stop", len(told) // 4, 1))

    return app


def first_hidden(told: str) -> str:
    """The number of the first event that is not revealed; nothing that can be read for whoever attacks."""
    shown = told.rpartition("Revealed so far: ")[2].partition("\n")[0].split(", ")
    hidden = next(str(number) for number in range(1, 99) if str(number) not in shown)
    return hidden if "that nobody would mind" in told else "I would reveal the worst."


@pytest.mark.slow
@pytest.mark.long
def test_a_language_model_debates_beside_the_searches_and_what_it_says_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("inspect_ai")
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HERE_API_KEY", "none")
    found = fixture.Served()
    with fixture.running(numbering(found, first_hidden), found):
        config = DebateConfig.model_validate(
            {**SMALL, "model": "openai-api/here/talker", "asked": {"base_url": found.url}}
        )
        results = run(config, tmp_path / "study", ignore)
    alone = run(DebateConfig.model_validate(SMALL), tmp_path / "alone", ignore)
    added = ["consultancy, model", "honest adviser, model", "dishonest adviser, model", "model v model"]
    assert list(results["unread"]) == added and set(found.asked.values()) == {1}
    for turns, conditions in results["conditions"].items():
        assert list(conditions) == [*alone["conditions"][turns], *added]
        # What was there without it stays to the digit.
        assert {name: conditions[name] for name in alone["conditions"][turns]} == alone["conditions"][turns]
    # The side that says that somebody would mind it says no number: on even odds, half of all turns.
    assert results["unread"]["consultancy, model"]["mean"] == 0.5
    assert results["unread"]["honest adviser, model"]["mean"] == 0.5
    assert 0 < results["unread"]["model v model"]["mean"] < 1
    assert {"model v model less no help", "model v model less equal"} <= set(results["contrasts"]["all"])
    text = page_markdown(debate_page(results))
    assert "What the language model said" in text and "| **model v model** |" in text
    assert "language model" not in page_markdown(debate_page(alone))


def test_a_model_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        run(DebateConfig.model_validate({**SMALL, "model": "no/such-model"}), tmp_path / "out", ignore)
    assert not (tmp_path / "out").exists()
