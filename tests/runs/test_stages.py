"""How far a ladder is, by its folders alone, and how large its models are, by the heads of their files."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partwise.runs.rundir import RunError
from partwise.runs.stages import STAGES, Standing, parameters_in, stage_folder, standing


@pytest.mark.parametrize("done", range(7))
@pytest.mark.parametrize("begun", [False, True])
def test_the_first_stage_that_is_not_whole_is_where_a_ladder_stands(
    tmp_path: Path, done: int, begun: bool
) -> None:
    every = [(generation, stage) for generation in range(3) for stage in STAGES]
    for generation, stage in every[:done]:
        stage_folder(tmp_path, generation, stage).mkdir(parents=True)
    generation, stage = every[done]
    if begun:
        stage_folder(tmp_path, generation, f"{stage}.tmp").mkdir(parents=True)
    assert standing(tmp_path) == Standing(generation=generation, stage=stage, begun=begun)


def test_parameters_are_counted_over_all_files_of_a_model(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float32)}, tmp_path / "1.safetensors")
    save_file({"c": np.zeros((2, 2, 2), np.float16)}, tmp_path / "2.safetensors", metadata={"format": "pt"})
    assert parameters_in(tmp_path) == 12 + 5 + 8
    with pytest.raises(RunError, match="There is no model in"):
        parameters_in(tmp_path / "nowhere")


@given(st.binary(max_size=40) | st.binary(max_size=20).map(lambda data: struct.pack("<Q", len(data)) + data))
def test_what_is_no_model_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("model")
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(RunError, match="is damaged: it is no model"):
        parameters_in(folder)
