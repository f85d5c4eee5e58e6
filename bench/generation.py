"""Two-turn rollouts: `generate` of transformers twice, against the sampler's generic and fast paths.

Run: OMP_NUM_THREADS=1 PYTHONPATH=src python bench/generation.py   (two to three minutes; needs no network)

Both sides get the same prompts, the same inserted tokens, the same model. Two cases: `full` lets every row
write to the limit, so that only the cost of a step counts; `ends` lets rows end at random, as plans do. Runs
are interleaved, and the table shows medians.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase

from partwise.models.sampling import Sampler
from partwise.models.tiny import count_parameters, tiny_model
from partwise.models.tokenizer import build_tokenizer

PROMPTS, COPIES = 8, 16
PROMPT_TOKENS, TURN_TOKENS, INSERTED_TOKENS = (25, 35), 50, (60, 120)
REPEATS = 5
Rows = list[list[int]]
Rollouts = Callable[[Rows, Rows], tuple[Rows, Rows]]


def vocabulary() -> PreTrainedTokenizerBase:
    """A tokenizer of about 400 tokens, as the dinner world's."""
    names = [f" name{i}" for i in range(140)]
    return build_tokenizer(names * 2)


def stock(model: torch.nn.Module, eos_ids: list[int], pad_id: int) -> Rollouts:
    """What a trainer does without this package: generate, append, generate again over everything."""
    settings = GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_k=0,
        max_new_tokens=TURN_TOKENS,
        pad_token_id=pad_id,
        eos_token_id=eos_ids or None,
    )

    def turn(rows: Rows) -> Rows:
        longest = max(map(len, rows))
        ids = torch.tensor([[pad_id] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        with torch.no_grad():
            output = model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
        return [cut(row, eos_ids) for row in output[:, longest:].tolist()]

    def rollouts(prompts: Rows, inserted: Rows) -> tuple[Rows, Rows]:
        rows = [prompt for prompt in prompts for _ in range(COPIES)]
        first = turn(rows)
        return first, turn([a + b + c for a, b, c in zip(rows, first, inserted, strict=True)])

    return rollouts


def cut(row: list[int], eos_ids: list[int]) -> list[int]:
    """A row up to and with its first end."""
    ends = [place for place, token in enumerate(row) if token in eos_ids]
    return row[: ends[0] + 1] if ends else row


def lean(model: torch.nn.Module, eos_ids: list[int], pad_id: int, fast: bool) -> Rollouts:
    """The sampler of this package."""
    sampler = Sampler(model, eos_ids=eos_ids, pad_id=pad_id, fast=fast)

    def rollouts(prompts: Rows, inserted: Rows) -> tuple[Rows, Rows]:
        cursor = sampler.start(prompts, COPIES)
        first = sampler.generate(cursor, TURN_TOKENS, temperature=1.0)
        sampler.insert(cursor, inserted)
        return first, sampler.generate(cursor, TURN_TOKENS, temperature=1.0)

    return rollouts


def measure(contenders: dict[str, Rollouts], vocabulary_size: int) -> dict[str, tuple[float, float]]:
    """Median seconds a batch and median sampled tokens a second, by contender."""
    rng = random.Random(0)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for repeat in range(-1, REPEATS):
        prompts = [rng.choices(range(vocabulary_size), k=rng.randint(*PROMPT_TOKENS)) for _ in range(PROMPTS)]
        inserted = [
            rng.choices(range(vocabulary_size), k=rng.randint(*INSERTED_TOKENS))
            for _ in range(PROMPTS * COPIES)
        ]
        for name, rollouts in contenders.items():
            torch.manual_seed(repeat + 1)
            start = time.perf_counter()
            turns = rollouts(prompts, inserted)
            took = time.perf_counter() - start
            if repeat >= 0:  # the first round warms up
                seconds[name].append(took)
                speeds[name].append(sum(len(row) for rows in turns for row in rows) / took)
    return {name: (statistics.median(seconds[name]), statistics.median(speeds[name])) for name in contenders}


def main() -> None:
    """Print a markdown table."""
    torch.set_num_threads(1)
    tokenizer = vocabulary()
    pad_id = tokenizer.pad_token_id
    print("| model | case | path | s a batch of 128 | sampled tokens/s | times `generate` |")
    print("|---|---|---|---|---|---|")
    for size in ("nano", "small", "medium"):
        model = tiny_model(size, tokenizer, seed=0).eval()
        for case, eos_ids in (("full", []), ("ends", list(range(0, len(tokenizer), 30)))):
            contenders = {
                "`generate` twice": stock(model, eos_ids, pad_id),
                "generic": lean(model, eos_ids, pad_id, fast=False),
                "fast": lean(model, eos_ids, pad_id, fast=True),
            }
            figures = measure(contenders, len(tokenizer))
            base = figures["`generate` twice"][0]
            for name, (took, speed) in figures.items():
                label = f"{size} ({count_parameters(model):,})"
                print(
                    f"| {label} | {case} | {name} | {took:.3f} | {speed:,.0f} | {base / took:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
