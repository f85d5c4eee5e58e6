"""What `partwise estimate` says of a run, beside what the run took: tokens by role, and peak memory.

    python bench/estimate.py tiny
    python bench/estimate.py smollm2

The run is a real one of `align`, in this process, which counts its tokens where they pass. Memory is the
process' own at its highest, as the system counts it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from partwise.config import AlignConfig
from partwise.config.places import cache_folder
from partwise.estimate.estimate import estimate
from partwise.estimate.tokens import Role, Tokens
from partwise.loops import run as loop
from partwise.loops import scalable_align as algorithm
from partwise.models import planner as planning
from partwise.oversight import proxy as judging
from partwise.runs.progress import ignore
from partwise.training import pretrain as pretraining
from partwise.training import rlft, warm_start

RUNS: dict[str, dict[str, Any]] = {
    # The base planner as it is by default, two rounds, two steps each.
    "tiny": {
        "rlft": {"steps": 2},
        "loop": {"rounds": 2},
        "measure": {"heldout_tasks": 200, "validation_tasks": 100},
    },
    "smollm2": {
        "planner": {
            "model": "package:smollm2",
            "device": "cpu",
            "max_decomposition_tokens": 160,
            "max_composition_tokens": 160,
            "warm_start": {"examples": 40, "batch_size": 1, "checked": 2},
        },
        "proxy": {"labels_first": 60, "labels_later": 20, "epochs": 1},
        "rlft": {"steps": 1, "tasks_per_step": 2, "group_size": 4, "micro_batch": 4, "learning_rate": 1e-4},
        "loop": {"rounds": 1},
        "measure": {"heldout_tasks": 4, "validation_tasks": 4},
    },
}


class Counting:
    """Counts tokens where the parts of a run hand them on."""

    def __init__(self) -> None:
        self.found: Tokens = Counter()
        self._measuring = 0

    def put(self) -> None:
        """Look at every place that tokens pass."""
        self._around(loop, "evaluate", self._measured)
        self._around(loop, "measured_starts", self._measured)
        self._around(loop._Alignment, "_agreement", self._measured)
        self._around(planning.Planner, "open", self._opened)
        self._around(planning.Planner, "insert", self._inserted)
        self._around(planning.Planner, "write", self._wrote)
        self._around(rlft, "_columns", self._trained)
        self._around(judging, "batch_of", self._judged)
        self._around(pretraining, "train_language_model", self._learned(Role.PRETRAINING))
        self._around(warm_start, "train_language_model", self._learned(Role.WARM_START))
        self._around(algorithm, "fit_reward_model", self._fitted)

    def _around(self, where: Any, name: str, look: Callable[..., Any]) -> None:
        before = getattr(where, name)
        setattr(where, name, lambda *given, **named: look(before, *given, **named))

    def _planner(self, role: Role, count: int) -> None:
        self.found[Role.EVALUATED if self._measuring else role] += count

    def _measured(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        self._measuring += 1
        try:
            return work(*given, **named)
        finally:
            self._measuring -= 1

    def _opened(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        made = work(*given, **named)
        self._planner(Role.READ, sum(map(len, made._prompts)))
        return made

    def _inserted(self, work: Callable[..., Any], planner: Any, cursor: Any, tokens: Any) -> None:
        self._planner(Role.READ, sum(len(row or ()) for row in tokens))
        work(planner, cursor, tokens)

    def _wrote(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        turn = work(*given, **named)
        self._planner(Role.SAMPLED, sum(map(len, turn.ids)))
        return turn

    def _trained(self, work: Callable[..., Any], tokens: Any) -> Any:
        self.found[Role.TRAINED] += sum(len(row.prompt) + len(row.completion) for row in tokens)
        return work(tokens)

    def _judged(self, work: Callable[..., Any], rows: Any, device: Any) -> Any:
        self.found[Role.JUDGED] += sum(map(len, rows))
        return work(rows, device)

    def _learned(self, role: Role) -> Callable[..., Any]:
        def look(work: Callable[..., Any], model: Any, rows: Any, *given: Any, **named: Any) -> Any:
            self.found[role] += named["epochs"] * sum(len(row["input_ids"]) for row in rows)
            return work(model, rows, *given, **named)

        return look

    def _fitted(self, work: Callable[..., Any], model: Any, tokenizer: Any, data: Any, **named: Any) -> Any:
        texts = [text for row in data for text in (row.chosen, row.rejected)]
        self.found[Role.LEARNED] += named["epochs"] * sum(map(len, tokenizer(texts)["input_ids"]))
        return work(model, tokenizer, data, **named)


def measured(config: AlignConfig) -> tuple[Tokens, int, float]:
    """Tokens by role, peak bytes and seconds of a run whose planner is not in the cache."""
    counting, packages = Counting(), cache_folder() / "packages"
    counting.put()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARTWISE_CACHE"] = folder
        (Path(folder) / "packages").symlink_to(packages)
        started = time.perf_counter()
        loop.align(config, Path(folder) / "run", ignore)
        took = time.perf_counter() - started
    return counting.found, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, took


def compared(name: str) -> dict[str, Any]:
    """Estimated over measured: tokens by role and in all, peak memory, hours."""
    config = AlignConfig.model_validate(RUNS[name])
    if config.planner.model is not None:
        # In another process: a packaged model is converted once, and that is no part of a run.
        look = f"from partwise.models.packaged import located; located({config.planner.model!r})"
        subprocess.run([sys.executable, "-c", look], check=True)
    said = estimate(config)
    tokens, peak, seconds = measured(config)
    here, whole = said.costs["here"], said.work.whole
    ratios = {str(role): [whole[role], tokens[role]] for role in Role if whole[role] or tokens[role]}
    ratios["all tokens"] = [whole.total(), tokens.total()]
    ratios["peak memory"] = [here.memory, peak]
    ratios["seconds"] = [round(3600 * here.hours), round(seconds)]
    return {
        key: {"estimated": said, "measured": took, "ratio": said / took if took else None}
        for key, (said, took) in ratios.items()
    }


def main(arguments: Sequence[str]) -> None:
    """Print a markdown table, or JSON for `--json`."""
    torch.set_num_threads(1)
    names = [each for each in arguments if not each.startswith("--")] or ["tiny"]
    for name in names:
        found = compared(name)
        if "--json" in arguments:
            print(json.dumps(found))
            continue
        print(f"| {name} | estimated | measured | ratio |\n|---|---|---|---|")
        for key, row in found.items():
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
            print(f"| {key} | {row['estimated']:,} | {row['measured']:,} | {ratio} |")


if __name__ == "__main__":
    main(sys.argv[1:])
