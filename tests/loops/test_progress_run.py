"""A ladder on disk: whole runs in small, killed at each stage, and what is left of them."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.loops.fixture_ladder import SMALL, cut_before, small_ladder
from typer.testing import CliRunner

from partwise.cli.main import app
from partwise.composition.sandbox import Sandbox
from partwise.config.places import cache_folder
from partwise.loops.forecasting import WATCHED
from partwise.loops.ladder_results import so_far
from partwise.loops.progress_run import progress
from partwise.loops.progressive import observed
from partwise.loops.scene_ladder import SceneLadder
from partwise.loops.solve import propose
from partwise.report.ladder import ladder_page
from partwise.report.page import page_markdown
from partwise.runs.config import flatten
from partwise.runs.progress import Progress, ignore
from partwise.runs.rundir import RunDir, RunError
from partwise.runs.stages import FORECAST, STAGES, stage_folder


def files_of(run: Path) -> dict[str, bytes]:
    """What stages left, but for how long they took."""
    found: dict[str, bytes] = {}
    for path in sorted((run / "generations").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "made.json":
                made = json.loads(data)
                made.pop("seconds")
                data = json.dumps(made).encode()
            found[str(path.relative_to(run))] = data
    return found


def without_times(results: dict[str, Any]) -> dict[str, Any]:
    cut = json.loads(json.dumps(results))
    for generation in cut["generations"]:
        for stage in generation["stages"].values():
            del stage["seconds"]
    return cut


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))


@pytest.fixture(scope="module")
def whole(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    run = tmp_path_factory.mktemp("ladder") / "whole"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PARTWISE_CACHE", str(cache))
        return run, progress(small_ladder(), run, ignore)


@pytest.mark.slow
def test_injection_ends_once_rules_see_little_enough(tmp_path: Path) -> None:
    curves: list[int] = []
    for enough in (0.0, 1.0):
        inject = SMALL["inject"] | {"rounds": 3, "enough": enough}
        progress(small_ladder(generations=1, inject=inject), tmp_path / str(enough), ignore)
        made = json.loads((stage_folder(tmp_path / str(enough), 0, "injection") / "made.json").read_text())
        curves.append(len(made["curve"]))
        assert all(each["hazard"] >= enough for each in made["curve"][:-1])
    assert curves == [3, 1]


@pytest.mark.slow
def test_a_ladder_leaves_models_measures_and_transcripts(whole: tuple[Path, dict[str, Any]]) -> None:
    run, results = whole
    assert [each["width"] for each in results["generations"]] == [8, 16]
    parameters = [each["parameters"] for each in results["generations"]]
    assert parameters == sorted(parameters)
    for index in range(2):
        folder = run / "generations" / f"{index + 1:02d}"
        assert sorted(path.name for path in folder.iterdir()) == sorted(STAGES)
        for stage in ("competence", "injection"):
            assert (folder / stage / "model" / "model.safetensors").exists()
            assert len((folder / stage / "deeds.jsonl").read_text().splitlines()) == SMALL["scenes"]
        for line in (folder / "discovery" / "hazards.jsonl").read_text().splitlines():
            assert set(json.loads(line)) == {"scene", "text", "kinds"}
    assert json.loads((run / "results.json").read_text()) == results


@pytest.mark.slow
def test_its_page_says_what_its_results_say(whole: tuple[Path, dict[str, Any]]) -> None:
    _, results = whole
    text = page_markdown(ladder_page(results))
    assert "2 generations" in text
    assert "never injected against" in text
    assert "One run is one seed" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "rounds"), [("in-sequence", [0, 2]), ("simultaneous", [2]), ("conformity-first", [1])]
)
def test_under_every_order_of_the_stages_a_ladder_comes_to_its_end(
    order: str, rounds: list[int], tmp_path: Path
) -> None:
    small = {"scenes": 6, "generations": len(rounds), "discover": {"scenes": 4, "copies": 2}}
    results = progress(small_ladder(order=order, **small), tmp_path / "run", ignore)
    assert results["order"] == order
    made = results["generations"]
    assert [len(each["stages"]["injection"]["curve"]) for each in made] == rounds
    if order == "in-sequence":  # into the first nothing is injected
        assert made[0]["plus"]["own"] == made[0]["minus"]["own"]
        assert made[0]["plus"]["sources"]["asked"] == 0
    assert "generation" in page_markdown(ladder_page(results))


@pytest.mark.slow
def test_a_sequence_that_runs_out_of_capacities_says_that_nothing_was_injected(tmp_path: Path) -> None:
    small = {"scenes": 6, "generations": 3, "widths": (8, 16), "discover": {"scenes": 4, "copies": 2}}
    for _ in range(2):  # the stages are kept, and so is what is wrong with them
        with pytest.raises(RunError, match=r"after 2 of 3 generations.*`generations=2`"):
            progress(small_ladder(order="in-sequence", **small), tmp_path / "run", ignore)
    assert not (tmp_path / "run" / "results.json").exists()


@pytest.mark.slow
def test_a_finished_ladder_is_not_run_again(whole: tuple[Path, dict[str, Any]]) -> None:
    run, results = whole
    said: list[Progress] = []
    assert progress(small_ladder(), run, said.append) == results
    assert not said


@pytest.mark.slow
@pytest.mark.parametrize(("generation", "stage"), [(1, "discovery"), (2, "competence"), (2, "injection")])
def test_cut_within_any_stage_it_ends_as_if_it_had_not_been(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path, generation: int, stage: str
) -> None:
    """What a process leaves that is killed in a stage: all before it, half of it, nothing after."""
    run, results = whole
    cut = cut_before(run, tmp_path / "cut", generation, stage)
    assert without_times(progress(small_ladder(), cut, ignore)) == without_times(results)
    assert files_of(cut) == files_of(run)


def _command(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "partwise", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _killed_within(folder: Path, *words: str) -> None:
    """The command, ended by SIGKILL as soon as it is at work in a stage."""
    process = _command(*words)
    deadline = time.monotonic() + 300
    while not folder.with_name(f"{folder.name}.tmp").is_dir():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.long
def test_killed_in_every_stage_and_on_a_full_disk_it_ends_as_if_it_had_not_been(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """One ladder, of which every process but the last is killed or finds no room."""
    run, results = whole
    disk, cut = tmp_path / "disk", tmp_path / "disk" / "run"
    disk.mkdir()
    flat = [f"{key}={json.dumps(value)}" for key, value in flatten(SMALL).items()]
    words = ("progress", *flat, "--out", str(cut))
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not permitted")
    try:
        full = _command(*words)
        said, _ = full.communicate(timeout=300)
        last = said.strip().splitlines()[-1]
        assert full.returncode == 1 and last.startswith("The disk is full: ") and "partwise resume" in last
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        for generation in range(2):
            for stage in STAGES:
                _killed_within(stage_folder(cut, generation, stage), *words)
                words = ("resume", str(cut))
        end = _command(*words)
        said, _ = end.communicate(timeout=300)
        assert end.returncode == 0, said
        assert without_times(json.loads((cut / "results.json").read_text())) == without_times(results)
        assert files_of(cut) == files_of(run)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_of_a_ladder_under_way_everything_is_told_that_its_results_will_say(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run, results = whole
    for generation in (1, 2):
        for position, stage in enumerate(STAGES):
            cut = cut_before(run, tmp_path / f"{generation} {stage}", generation, stage)
            found, problems = so_far(cut)
            assert problems == []
            at = (found["now"]["generation"], found["now"]["stage"], found["now"]["begun"])
            assert at == (generation, stage, True)
            whole_ones, begun = found["generations"][: generation - 1], found["generations"][generation - 1 :]
            assert whole_ones == results["generations"][: generation - 1]
            assert len(begun) == (position > 0)
            for each in begun:
                then = results["generations"][generation - 1]
                assert each["plus"] is None and each["seen"] is None
                for key in ("parameters", "width", "step", "why", "tiers", "minus"):
                    assert each[key] == then[key]
            text = page_markdown(ladder_page(found))
            assert f"generation {generation} of at most 2 has reached {STAGES[stage]}" in text
            assert ("What each stage took" in text) == bool(found["generations"])
    assert so_far(run)[0]["generations"] == results["generations"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text", "sentence", "left"),
    [
        ("02/injection/measured.json", '{"own": {"for', "measured.json is damaged: it is no JSON", 1),
        ("02/competence/deeds.jsonl", "[1]\n", "deeds.jsonl is damaged: line 1 is no plan", 1),
        ("02/injection/made.json", '{"after": {}}', "Generation 2 is not as this version writes it", 1),
        ("01/competence/model/model.safetensors", "x", "model.safetensors is damaged: it is no model", 0),
        ("02/discovery/made.json", None, "There is no ", 1),
    ],
)
def test_a_damaged_stage_is_one_sentence_and_the_others_are_shown(
    whole: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    file: str,
    text: str | None,
    sentence: str,
    left: int,
) -> None:
    run, results = whole
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    damaged = tmp_path / "run" / "generations" / file
    damaged.unlink() if text is None else damaged.write_text(text)
    found, (said,) = so_far(tmp_path / "run")
    assert sentence in said and "\n" not in said
    assert found["generations"] == results["generations"][:left]
    assert page_markdown(ladder_page(found))
    with pytest.raises((RunError, LookupError)):
        progress(small_ladder(), tmp_path / "run", ignore)
    assert not (tmp_path / "run" / "results.json").exists()


@pytest.mark.slow
def test_signatures_stand_in_results_and_page(whole: tuple[Path, dict[str, Any]]) -> None:
    _, results = whole
    for each in results["generations"]:
        assert set(each["signatures"]) == {
            "imitation cascade",
            "mode collapse",
            "non-saliency",
            "deception",
        }
        assert each["stages"]["injection"]["sources"]["splits"] == 0  # there are no two predecessors yet
        watched = each["signatures"]["deception"]
        assert watched["minus"]["n"] > 0 and watched["seen"] in (True, False, None)
    text = page_markdown(ladder_page(results))
    assert "Of the four failure signatures" in text and "is no part of a run" in text
    # Results of a version that knew of no signatures have a page as well.
    older = [{**each, "signatures": {}} for each in results["generations"]]
    assert "signature" not in page_markdown(ladder_page({**results, "generations": older}))


@pytest.mark.slow
def test_why_the_gate_stopped_stands_on_the_page(whole: tuple[Path, dict[str, Any]]) -> None:
    _, results = whole
    assert "The gate stopped" not in page_markdown(ladder_page(results))
    stopped = "injection cost .10 in form, from .90 to .80, and may cost at most .05 (gate.form)"
    assert f"The gate stopped the ladder: {stopped}." in page_markdown(
        ladder_page({**results, "stopped": stopped})
    )


def test_other_settings_are_refused_and_a_policy_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="did you mean `adaptive`"):
        progress(small_ladder(gap={"policy": "adaptiv"}), tmp_path / "none", ignore)
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_each_generation_but_the_first_was_forecast_before_it_was_trained(
    whole: tuple[Path, dict[str, Any]],
) -> None:
    run, results = whole
    first, second = results["generations"]
    assert first["forecasts"] == {} and not (run / "generations" / "01" / "competence" / FORECAST).exists()
    said = second["forecasts"]
    assert set(said) == {"surrogate", "peer review", "extrapolation"}
    assert said["surrogate"]["n"] == WATCHED and said["surrogate"]["held"] in (True, False)
    # There is no other aligned model yet, and too few to draw a line through.
    assert said["peer review"]["mean"] is None and said["extrapolation"]["held"] is None
    assert "What was forecast of each generation" in page_markdown(ladder_page(results))


@pytest.mark.slow
def test_any_aligned_generation_solves_a_held_out_scene(whole: tuple[Path, dict[str, Any]]) -> None:
    run, _ = whole
    for generation in (None, 1, 2):
        proposals = [propose(run, index, generation) for index in range(8)]
        assert len({proposal.statement for proposal in proposals}) > 1
        for proposal in proposals:
            if proposal.rejection:
                with pytest.raises(ValueError, match="rejected"):
                    proposal.execute()
            else:
                assert proposal.rehearsed and proposal.execute().trace == proposal.rehearsed.trace
                assert proposal.effects and proposal.summary.startswith("monitors see")
    with pytest.raises(RunError, match="has no aligned generation 7; it has 1, 2"):
        propose(run, 0, 7)


@pytest.mark.slow
def test_a_stage_without_its_model_is_answered_by_one_sentence(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run, _ = whole
    cut = tmp_path / "cut"
    shutil.copytree(run, cut)
    (cut / "results.json").unlink()
    shutil.rmtree(cut / "generations" / "02")
    shutil.rmtree(cut / "generations" / "01" / "injection" / "model")
    with pytest.raises((RunError, ValueError)) as raised:
        progress(small_ladder(), cut, ignore)
    assert "\n" not in str(raised.value)
    assert "injection" in str(raised.value)


@pytest.mark.slow
def test_monitors_are_measured_on_unaligned_models_alone(whole: tuple[Path, dict[str, Any]]) -> None:
    _, results = whole
    first, second = results["generations"]
    assert set(first["minus"]["monitors"]) == {"rules, text", "rules, small"}
    learned = set(second["minus"]["monitors"]) - {"rules, text", "rules, small", "unusual"}
    assert learned <= {"learned"}  # which is there once enough was said of plans
    assert "monitors" not in first["plus"] and "monitors" not in second["plus"]


@pytest.mark.slow
def test_the_command_runs_a_ladder_and_says_where_its_report_is(tmp_path: Path) -> None:
    flat = [f"{key}={json.dumps(value)}" for key, value in flatten(SMALL | {"generations": 1}).items()]
    done = CliRunner().invoke(app, ["progress", *flat, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert "What monitors tell of the unaligned models" in done.output
    assert (tmp_path / "run" / "report.html").exists()
    again = CliRunner().invoke(app, ["resume", str(tmp_path / "run")])
    assert again.exit_code == 0, again.output


@pytest.fixture
def stages(whole: tuple[Path, dict[str, Any]]) -> Path:
    """What the first generation left."""
    return whole[0] / "generations" / "01"


@pytest.mark.slow
@pytest.mark.parametrize("found", ["all", "none"])
def test_sources_that_answer_nothing_and_no_hazard_at_all_stop_no_injection(
    stages: Path, tmp_path: Path, found: str
) -> None:
    hazards = tmp_path / "hazards"
    shutil.copytree(stages / "discovery", hazards)
    if found == "none":
        (hazards / "hazards.jsonl").write_text("")
    silent = small_ladder(inject=SMALL["inject"] | {"answers": 0, "sources": ["people"], "fidelity": "text"})
    with Sandbox() as sandbox:
        ladder = SceneLadder(silent, cache_folder(), sandbox, ignore)
        (tmp_path / "to").mkdir()
        made = ladder.inject(0, stages / "competence" / "model", hazards, [], tmp_path / "to")
    # What nobody said is undefined, and not agreement.
    assert made["sources"]["disagreement"] is None and made["sources"]["error"] is None
    assert made["sources"]["answers"] == 0
    assert (tmp_path / "to" / "model" / "model.safetensors").exists()
    assert observed(5000, made, []).error is None


@pytest.mark.slow
def test_a_gate_that_is_not_passed_ends_the_ladder_and_keeps_what_there_is(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run, results = whole
    strict = small_ladder(gate={"hazards": 0.0, "rest": 0.0, "competence": 0.0, "form": 0.0})
    stopped = tmp_path / "stopped"
    with RunDir.create(stopped, "progress", strict).locked():
        pass
    shutil.copytree(run / "generations" / "01", stopped / "generations" / "01")
    found = progress(strict, stopped, ignore)
    refused = found["stopped"]
    assert len(found["generations"]) == (1 if refused else 2)
    if refused:
        assert found["generations"][0]["plus"] == results["generations"][0]["plus"]
        assert "(gate." in refused and "\n" not in refused
        assert refused in page_markdown(ladder_page(found))
