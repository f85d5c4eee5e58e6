import shutil

import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig

from partwise.models import hub
from partwise.models.hub import ModelError, load_causal_lm, resolve_device
from partwise.models.sampling import Sampler


def test_all_weights_or_adapters(llama_folder):
    model, tokenizer = load_causal_lm(llama_folder, lora_rank=0, device="cpu")
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.dtype == torch.float32
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == model.config.pad_token_id
    adapted, _ = load_causal_lm(str(llama_folder), lora_rank=4, device="auto")
    assert isinstance(adapted, PeftModel)
    trained = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    for layer in ("q_proj", "v_proj", "down_proj"):
        assert any(layer in name for name in trained)


def test_adapters_are_sampled_with(llama_folder):
    model, tokenizer = load_causal_lm(llama_folder, lora_rank=4, device="cpu")
    plain, _ = load_causal_lm(llama_folder, lora_rank=0, device="cpu")
    prompts = [[1, 2, 3], [4, 5]]

    def logits(of):
        return Sampler.of(of, tokenizer).start(prompts, 2).context.first_logits_RV

    torch.testing.assert_close(logits(model), logits(plain), atol=1e-4, rtol=1e-4)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    assert not torch.allclose(logits(model).float(), logits(plain), atol=1e-2)


def test_folders_that_hold_no_model(llama_folder, tmp_path):
    def broken(name):
        return shutil.copytree(llama_folder, tmp_path / name)

    with pytest.raises(ModelError, match="there is no folder"):
        load_causal_lm(tmp_path / "none", lora_rank=0, device="cpu")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        load_causal_lm(tmp_path / "file", lora_rank=0, device="cpu")
    folder = broken("no config")
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load_causal_lm(folder, lora_rank=0, device="cpu")
    folder = broken("corrupt")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"weights of .* are corrupt"):
        load_causal_lm(folder, lora_rank=0, device="cpu")
    folder = broken("no weights")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="can't be opened as a causal language model"):
        load_causal_lm(folder, lora_rank=0, device="cpu")
    folder = broken("no tokenizer")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="has no tokenizer"):
        load_causal_lm(folder, lora_rank=0, device="cpu")
    LlamaConfig().save_pretrained(tmp_path / "config only")
    with pytest.raises(ModelError, match="no tokenizer"):
        load_causal_lm(tmp_path / "config only", lora_rank=0, device="cpu")


def test_a_name_that_can_not_be_reached_is_one_sentence(monkeypatch):
    def offline(name, **_):
        raise OSError(f"We couldn't connect to the hub to load {name}.\nCheck your connection.")

    monkeypatch.setattr(hub.AutoTokenizer, "from_pretrained", offline)
    with pytest.raises(ModelError) as raised:
        load_causal_lm("nobody/nothing", lora_rank=0, device="cpu")
    assert "nobody/nothing" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    for wrong in ("toaster", "cuda:99"):
        with pytest.raises(ModelError, match=f"no device '{wrong}'"):
            resolve_device(wrong)
