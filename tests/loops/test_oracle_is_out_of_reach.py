"""Training can't read the value oracle: not by import, and not while it runs."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tests.conftest import SMALL

POISON = textwrap.dedent(
    """
    import json, random, sys

    class Poison:
        '''Refuses the modules that know the truth, whoever asks for them.'''

        def find_spec(self, name, path=None, target=None):
            if name == "partwise.worlds.dinner.oracle" or name.startswith("partwise.measure"):
                raise RuntimeError(f"training reached for {name}")
            return None

    sys.meta_path.insert(0, Poison())
    import torch
    from partwise.composition.sandbox import Sandbox
    from partwise.config import AlignConfig
    from partwise.models.hub import load_causal_lm
    from partwise.models.planner import Planner
    from partwise.models.tiny import tiny_reward_model
    from partwise.models.tokenizer import build_tokenizer
    from partwise.oversight.human import SimulatedHuman
    from partwise.oversight.items import PartItems, summary_items
    from partwise.oversight.proxy import Proxy
    from partwise.oversight.solvers import Chooser
    from partwise.training.pretrain import pretrained_planner
    from partwise.training.reward import fit_reward_model, preferences
    from partwise.training.rlft import rlft
    from partwise.training.rollout import RolloutEngine
    from partwise.types import Split
    from partwise.worlds.dinner import DinnerWorld
    from pathlib import Path

    config = AlignConfig.model_validate(json.loads(sys.argv[1]))
    world = DinnerWorld()
    folder = pretrained_planner(world, config.base, Path(sys.argv[2]))
    model, tokenizer = load_causal_lm(folder, lora_rank=0, device="cpu")
    limits = {"max_decomposition_tokens": 96, "max_composition_tokens": 96}
    planner = Planner(model, tokenizer, prompts=None, **limits)
    words = build_tokenizer([o.text for i in PartItems(world).asked(random.Random(0), 50) for o in i.options])
    proxy = Proxy(tiny_reward_model("micro", words, 0), words, Chooser(world.catalogue, capacity=24))
    human = SimulatedHuman(world.values, rationality=6.0, readable=60, seed="0")
    with Sandbox() as sandbox:
        engine = RolloutEngine(world, planner, proxy, sandbox, space="affine")
        tasks = [world.task(Split.TRAIN, i) for i in range(4)]
        rollouts, _ = engine.roll_out(tasks, 8, temperature=1.0, generator=torch.Generator().manual_seed(0))
        rng = random.Random(0)
        items = PartItems(world).asked(rng, 40) + summary_items(world, rollouts, rng, 40)
        answers = preferences(human.answer(items))
        fit_reward_model(proxy.model, words, answers, epochs=1, learning_rate=1e-3, seed=0)
        proxy.forget_scores()

        def reward(rollouts):
            judged = proxy.judge_summaries([r.summary for r in rollouts])
            return [
                bool(r.correct) + sum(r.partial_rewards) + s if r.execution.ran else -1.0
                for r, s in zip(rollouts, judged)
            ]

        rlft(engine, tasks, reward, config.rlft, seed=0, listen=lambda step: None)
    loaded = [name for name in sys.modules if "oracle" in name or name.startswith("partwise.measure")]
    print(json.dumps({"loaded": [name for name in loaded if name.startswith("partwise")]}))
    """
)


@pytest.mark.slow
def test_a_whole_round_of_training_runs_where_the_oracle_is_poisoned(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", POISON, json.dumps(SMALL), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["loaded"] == []


def test_what_trains_does_not_import_what_measures():
    """The same, statically: nothing below `measure` names it or an oracle, directly or through others."""
    source = "import sys; import partwise.training.rlft, partwise.oversight.proxy, partwise.worlds.dinner; "
    check = "print([n for n in sys.modules if n.startswith('partwise.measure') or n.endswith('.oracle')])"
    done = subprocess.run([sys.executable, "-c", source + check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_hidden_truth_never_enters_what_the_proxy_reads():
    """The proxy is given texts alone: neither rollouts nor options carry the oracle's word."""
    from dataclasses import fields

    from partwise.types import Option, Rollout

    names = {field.name for record in (Rollout, Option) for field in fields(record)}
    assert not names & {"aligned", "violations", "oracle"}


def test_the_stages_of_a_ladder_can_do_without_the_oracle():
    """Whoever measures a ladder opens it; what trains one, and what monitors and sources see, does not."""
    program = (
        "import sys, partwise.loops.progressive, partwise.loops.scene_ladder\n"
        "known = {'partwise.worlds.dinner.scene_oracle', 'partwise.measure.hazards'}\n"
        "print(sorted(known & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
