"""Stages that ladders of one study have in common, done once.

Ladders that differ in their gap policy or in the order of their stages begin alike, and some take the same
step twice. A stage is decided by settings, models and hazards that it is given; so what it left is kept
under a digest of these, and copied where the same is asked again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partwise.files import made_whole
from partwise.loops.progressive import Made
from partwise.loops.scene_ladder import HAZARDS, SceneLadder
from partwise.runs.stages import MADE, SPARED

_TEACHING = ("read", "compete")
_ALL = (*_TEACHING, "discover", "inject")


class SharedStages:
    """A ladder of writers whose stages are kept: a `Reorderable`.

    Of the ladder's settings those stand in the digest that stages read: neither gap nor order nor gate, which
    decide what is asked for and not what comes of it.
    """

    def __init__(self, ladder: SceneLadder, store: Path) -> None:
        """Args:
        ladder: does what is not there yet.
        store: a folder for runs of one version of the code, made where missing.
        """
        self._ladder, self._store = ladder, store
        self.parameters = ladder.parameters

    def enhance(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1."""
        return self._taught("enhance", self._ladder.enhance, generation, rung, predecessors, to)

    def begin(self, generation: int, rung: int, predecessors: Sequence[Path], to: Path) -> Made:
        """Stage 1 without the verifier's rounds."""
        return self._taught("begin", self._ladder.begin, generation, rung, predecessors, to)

    def discover(self, generation: int, model: Path, to: Path) -> Made:
        """Stage 2."""
        key = self._key("discover", _ALL, generation, _weights(model))
        return self._once(key, lambda fresh: self._ladder.discover(generation, model, fresh), to)

    def inject(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3."""
        rounds = self._ladder.config.inject.rounds
        return self.inject_for(rounds, generation, model, hazards, predecessors, to)

    def inject_for(
        self, rounds: int, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stage 3 of so many rounds."""
        given = _given(model, hazards, predecessors)
        return self._once(
            self._key("inject", _ALL, generation, str(rounds), *given),
            lambda fresh: self._ladder.inject_for(rounds, generation, model, hazards, predecessors, fresh),
            to,
        )

    def both(
        self, generation: int, model: Path, hazards: Path, predecessors: Sequence[Path], to: Path
    ) -> Made:
        """Stages 1 and 3 at once."""
        return self._once(
            self._key("both", _ALL, generation, *_given(model, hazards, predecessors)),
            lambda fresh: self._ladder.both(generation, model, hazards, predecessors, fresh),
            to,
        )

    def reinforce(self, generation: int, injected: Path, said: Made, to: Path) -> Made:
        """The verifier's rounds after an injection; done each time."""
        return self._ladder.reinforce(generation, injected, said, to)

    def rehearse(self, generation: int, aligned: Sequence[Path]) -> Made:
        """What is said of a generation beforehand; done each time."""
        return self._ladder.rehearse(generation, aligned)

    def _taught(
        self,
        name: str,
        make: Callable[[int, int, Sequence[Path], Path], Made],
        generation: int,
        rung: int,
        predecessors: Sequence[Path],
        to: Path,
    ) -> Made:
        config = self._ladder.config
        # Monitors of injection may say what is fit to be taught; who else is asked there does not matter.
        read = (str(config.widths[rung]), config.inject.fidelity, *map(_weights, predecessors))
        key = self._key(name, _TEACHING, generation, *read)
        return self._once(key, lambda fresh: make(generation, rung, predecessors, fresh), to)

    def _key(self, name: str, sections: Sequence[str], generation: int, *given: str) -> str:
        config = self._ladder.config
        settings = [getattr(config, section).model_dump_json() for section in sections]
        asked = [name, str(config.seed), str(generation), *settings, *given]
        return f"{name}-{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]}"

    def _once(self, key: str, make: Callable[[Path], Made], to: Path) -> Made:
        """What `make` says and leaves in a folder; both found again and copied where it was done before.

        There it says `spared`, the seconds that it took then.
        """

        def fill(fresh: Path) -> None:
            fresh.mkdir()
            started = time.perf_counter()
            made = make(fresh)
            taken = {SPARED: round(time.perf_counter() - started, 1)}
            (fresh / MADE).write_text(json.dumps({**made, **taken}))

        found = (self._store / key).exists()
        kept = made_whole(self._store / key, fill)
        shutil.copytree(kept, to, dirs_exist_ok=True)
        made: dict[str, Any] = json.loads((kept / MADE).read_text())
        if not found:
            del made[SPARED]
        return made


def _given(model: Path, hazards: Path, predecessors: Sequence[Path]) -> list[str]:
    return [_weights(model), _digest(hazards / HAZARDS), *map(_weights, predecessors)]


def _weights(model: Path) -> str:
    return _digest(model / "model.safetensors")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
