"""How equal training is under each arithmetic that this processor can be made to take.

Run: OMP_NUM_THREADS=1 PYTHONPATH=src python bench/equal.py   (half a minute; needs no network)

A model of the small planner's shape takes six steps on random tokens, once for each variable that makes
PyTorch or one of its libraries do sums in another order. The loss says how much that is, the digest whether
it is anything. What it says of one processor is in docs/how-to/equal-runs.md.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

CHOICES = (
    "",
    "",
    "ATEN_CPU_CAPABILITY=avx2",
    "ATEN_CPU_CAPABILITY=default",
    "MKL_CBWR=COMPATIBLE",
    "DNNL_MAX_CPU_ISA=AVX2",
)
"""Nothing twice: the same must come out."""


def train() -> str:
    """The loss after six steps, and the first digits of the weights' SHA-256."""
    import torch

    from partwise.models.tiny import tiny_model
    from partwise.models.tokenizer import build_tokenizer
    from partwise.models.trie import row_logps

    torch.set_num_threads(1)
    tokenizer = build_tokenizer([f" name{i}" for i in range(300)] * 2)
    model = tiny_model("small", tokenizer, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    loss = torch.tensor(0.0)
    for _ in range(6):
        tokens = torch.randint(0, len(tokenizer), (16, 60), generator=generator)
        wanted = torch.ones_like(tokens)
        wanted[:, 0] = 0
        loss = -row_logps(model, tokens, torch.ones_like(tokens), wanted, 1.0).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    weights = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    return f"{loss.item():.7f} | {hashlib.sha256(weights.numpy().tobytes()).hexdigest()[:8]}"


def main() -> None:
    """Print a markdown table."""
    if sys.argv[1:] == ["train"]:
        print(train())
        return
    print("| variable | loss after six steps | weights, first digits of their SHA-256 |\n|---|---|---|")
    for choice in CHOICES:
        chosen = dict([choice.split("=")]) if choice else {}
        command = [sys.executable, __file__, "train"]
        done = subprocess.run(command, env=os.environ | chosen, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        print(f"| {choice or 'none'} | {done.stdout.splitlines()[-1]} |")


if __name__ == "__main__":
    main()
