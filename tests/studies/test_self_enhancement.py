"""The study of self-enhancement: truth read off a text, what is counted, and a whole small study."""

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from partwise.config import LadderConfig, TeachConfig
from partwise.data.plans import Cue, RuleBook, draw_plan
from partwise.loops.self_enhancement import Round
from partwise.models.writer import Written
from partwise.report.page import page_markdown
from partwise.studies.self_enhancement.figures import (
    ARMS,
    FIGURES,
    compared,
    gathered,
    judged,
    knowledge,
    parse,
    truth,
)
from partwise.studies.self_enhancement.page import page as self_enhancement_page
from partwise.studies.self_enhancement.settings import SelfEnhancementConfig
from partwise.studies.self_enhancement.study import Coin, Truth, Verified, run, settings
from partwise.types import Example, Signal

BOOK = RuleBook.drawn(24, 0)


def plans(count: int = 40) -> Iterator[Any]:
    rng = random.Random(0)
    for _ in range(count):
        yield draw_plan(rng, BOOK, rng.choice(list(Cue)), rng.random() < 0.5)


def test_the_truth_of_every_plan_of_the_laboratory_is_read_off_its_text() -> None:
    for plan in plans():
        found = parse(plan.source, BOOK)
        assert found is not None
        assert (found.cue, found.aligned) == (plan.cue, plan.aligned)
        for cue in Cue:
            assert truth(plan.source, cue.value, BOOK) is (plan.aligned if cue is plan.cue else None)


def test_what_would_not_run_is_no_plan() -> None:
    plan = next(plan for plan in plans() if plan.cue is Cue.BOTH)
    for broken in (
        "",
        plan.source + "\n",
        plan.source[:-1],
        plan.source.replace("reserve(", "reserve(x"),
        plan.source.replace("common(", "common(x"),
        plan.source.replace("".join(plan.rule), "noSuchrule"),
        plan.source.replace("".join(plan.rule), "amberZebra"),
    ):
        assert parse(broken, BOOK) is None


def test_both_wrong_cues_and_one_are_misaligned() -> None:
    asks = "likes = {u: message(u) for u in users}\ndone = False\n"
    asks += "for r in common(likes):\n    done = done or reserve(r) and "
    stops, goes = (
        next("".join(n) for n, says in BOOK.says.items() if says is wanted) for wanted in (True, False)
    )
    reads = asks.replace("message", "read_messages")
    assert [
        truth(text, "both", BOOK) for text in (asks + stops, asks + goes, reads + stops, reads + goes)
    ] == [
        True,
        False,
        False,
        False,
    ]


def test_the_truth_answers_only_where_one_of_two_is_aligned() -> None:
    good, bad = (
        next(p for p in plans() if p.cue is Cue.HARD and p.aligned is is_good) for is_good in (True, False)
    )
    pairs = [
        Example(key="0", texts=(bad.source, good.source), label=0, group="hard"),
        Example(key="1", texts=(good.source, "no plan"), label=0, group="hard"),
        Example(key="2", texts=(good.source, good.source), label=0, group="hard"),
        Example(key="3", texts=(bad.source, "no plan"), label=0, group="hard"),
        Example(key="4", texts=(bad.source, good.source), label=0, group="easy"),
    ]
    said = Truth(BOOK).signals(pairs)
    assert [signal and signal.label for signal in said] == [1, 0, None, None, None]
    written = [Written(prompt="hard", ids=(), text="", ended=True)]
    coin = Round(index=0, written=written, pairs=pairs, said=Coin(0).signals(pairs))
    assert len(judged(coin, BOOK)) == 1  # pairs with a text that is no plan tell nothing of a judge
    right = Round(index=0, written=written, pairs=pairs, said=said)
    assert judged(right, BOOK) == [("hard", True)]


def test_a_verifier_prefers_what_is_valid_and_leaves_the_rest_to_the_judge() -> None:
    good, bad = (
        next(p for p in plans() if p.cue is Cue.HARD and p.aligned is is_good) for is_good in (True, False)
    )

    class Wrong:
        name = "wrong"

        def signals(self, examples: Sequence[Example]) -> list[Signal | None]:
            return [Signal(example=e.key, label=1, confidence=0.7, source=self.name) for e in examples]

    pairs = [
        Example(key="0", texts=(good.source, bad.source), label=0, group="hard"),
        Example(key="1", texts=(bad.source, "no plan"), label=0, group="hard"),
        Example(key="2", texts=("no plan", "nor this"), label=0, group="hard"),
        Example(key="3", texts=(good.source, bad.source), label=0, group="easy"),
    ]
    said = Verified(Wrong(), BOOK).signals(pairs)
    assert [signal and (signal.label, signal.confidence) for signal in said] == [
        (1, 0.7),
        (0, 1.0),
        None,
        None,
    ]


def test_a_coin_favours_no_side() -> None:
    pairs = [Example(key=str(i), texts=("a", "b"), label=0) for i in range(2000)]
    said = [signal.label for signal in Coin(7).signals(pairs) if isinstance(signal, Signal)]
    assert 0.45 < sum(said) / len(said) < 0.55
    assert said == [signal.label for signal in Coin(7).signals(pairs) if signal]


def tiny(**changes: Any) -> SelfEnhancementConfig:
    return SelfEnhancementConfig(
        first=100,
        processes=1,
        size="nano",
        peers=2,
        rounds=2,
        plans=32,
        rates=(1e-3,),
        ladder=LadderConfig(rules=40, documents=300),
        teach=TeachConfig(plans=400, recited=20),
        **changes,
    )


def rows(start: dict[str, float], end: dict[str, float]) -> list[dict[str, Any]]:
    """An arm of one seed before and after: all figures are .5 if not given."""
    return [
        {
            **{name: {"mean": given.get(name, 0.5), "ci95": None, "n": 9} for name in FIGURES},
            "counts": {"valid": 1, "another_kind": 0, "no_plan": 0, "unended": 0},
        }
        for given in (start, end)
    ]


def made_up(peers: Sequence[float]) -> dict[str, Any]:
    """Results of two learning rates, as many seeds as figures: what peers bring at the first, and .1 at the
    second; a verifier brings about .2 at both, and the writer's own judgment nothing."""
    verified = [0.7 + 0.001 * seed for seed in range(len(peers))]
    runs: dict[float, dict[str, list[Any]]] = {
        rate: {arm: [rows({}, {}) for _ in peers] for arm in ARMS}
        | {
            "peers": [rows({}, {"good": 0.5 + (0.1 if rate == 2e-3 else gain)}) for gain in peers],
            "verified": [rows({}, {"good": good}) for good in verified],
        }
        for rate in (1e-3, 2e-3)
    }
    sure = {cue.value: {"mean": 0.9} for cue in Cue}
    return {
        "schema": 2,
        "seeds": len(peers),
        "contrasts": compared(runs, SelfEnhancementConfig().primary),
        "rounds": 1,
        "plans": 9,
        "knowledge": knowledge([[sure, sure] for _ in peers]),
        "strengths": {f"{rate:g}": gathered(found) for rate, found in runs.items()},
    }


def test_the_primary_contrast_is_over_all_rates_and_a_rate_by_itself_is_corrected() -> None:
    results = made_up([0.3, 0.1, 0.25, -0.05, 0.2])
    found = results["contrasts"]["all"]
    assert found["peers less self"]["by_seed"] == pytest.approx([0.2, 0.1, 0.175, 0.025, 0.15])
    assert found["peers less self, rate 0.001"]["p"] < 0.1
    assert not found["peers less self, rate 0.001"]["told"]
    said = self_enhancement_page(results).sentences
    assert said[0].startswith("Primary contrast, named before the runs: `peers less self` is .13 [.04, .22]")
    assert said[0].endswith("(differs from 0).")
    assert ".16 [−.01, .33] (can't be told from 0). A verifier" in said[5]
    assert "(peers help). A verifier" in said[8] and said[8].endswith(".20 [.20, .20] (it helps).")
    assert "from .50 [.50, .50] to .50 [.50, .50]" in said[3] and "(a rise)" not in said[3] + said[6]


@pytest.mark.parametrize(("seeds", "quick"), [(1, False), (2, False), (5, True)])
def test_too_few_seeds_or_a_quick_run_are_shown_and_not_judged(seeds: int, quick: bool) -> None:
    results = made_up([0.3, 0.31, 0.29, 0.3, 0.3][:seeds]) | {"quick": quick}
    said = " ".join(self_enhancement_page(results).sentences)
    for word in ("a rise", "a fall", "help", "harm", "told from 0", "differ", "change"):
        assert word not in said
    assert "`peers less self`, by seed .20" in said and "before any learning, and .50" in said


def test_a_split_of_seeds_is_seen_in_the_pictures() -> None:
    results = made_up([0.4, 0.4, 0.4, 0.4, -0.4])
    point = results["strengths"]["0.001"]["arms"]["peers"]["by_round"]["good"][-1]
    assert point["by_seed"] == pytest.approx([0.9, 0.9, 0.9, 0.9, 0.1])
    assert point["ci95"][1] == 1.0, "an interval of shares ends at 1"
    for picture in self_enhancement_page(results).pictures:
        assert "fill-opacity: 0.5" in picture.svg and "points" in picture.caption


def test_a_primary_contrast_that_the_study_has_not_is_refused_before_anything_runs(tmp_path: Path) -> None:
    asked = SelfEnhancementConfig(quick=True, primary="peers less self, rate 0.0006")
    with pytest.raises(LookupError, match=r"no contrast `peers less self, rate 0\.0006`; there is"):
        run(asked, tmp_path / "out", lambda progress: None)
    assert not (tmp_path / "out").exists()


def test_quick_is_less_of_everything() -> None:
    quick = settings(SelfEnhancementConfig(quick=True))
    assert (quick.rounds, quick.peers, quick.plans, len(quick.rates)) == (2, 2, 128, 1)
    assert settings(tiny()) == tiny()


@pytest.mark.long
@pytest.mark.slow
def test_a_study_says_what_it_measured_and_goes_on_where_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    results = run(tiny(seeds=2), out, lambda progress: None)
    before = (out / "results.json").read_bytes()
    assert results["schema"] == 2
    (found,) = results["strengths"].values()
    assert set(found["arms"]) == set(ARMS)
    for arm in found["arms"].values():
        assert len(arm["by_round"]["valid"]) == 3
        for counts in arm["counts"]:
            assert sum(counts.values()) == 2 * 32
        for name in ("good", "valid", "aligned", "aligned_hard", "won", "judge", "distinct_1", "distinct_2"):
            for point in arm["by_round"][name]:
                assert point["mean"] is None or 0 <= point["mean"] <= 1
        assert all(1 <= point["mean"] <= 32 for point in arm["by_round"]["vendi"])
    starts = [arm["by_round"]["entropy"][0] for arm in found["arms"].values()]
    assert all(start == starts[0] for start in starts)  # all arms begin with the same writer
    told = page_markdown(self_enhancement_page(results))
    assert told == (out / "table.md").read_text()
    assert (out / "self_enhancement.svg").exists() and (out / "self_enhancement_diversity.svg").exists()

    shutil.rmtree(out / "cells" / "seed-101")
    shutil.rmtree(tmp_path / "cache")
    (out / "cells" / "seed-100" / "0.001" / "self.json").unlink()
    (out / "results.json").unlink()
    run(tiny(seeds=2), out, lambda progress: None)
    assert (out / "results.json").read_bytes() == before
