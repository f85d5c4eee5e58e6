import copy
import json
import shutil

import pytest
import torch
from peft import PeftModel
from transformers import (
    BertConfig,
    BertLMHeadModel,
    LlamaConfig,
    OPTConfig,
    OPTForCausalLM,
    XLNetConfig,
)

from partwise.models import hub
from partwise.models.chance import without_chance
from partwise.models.hub import (
    ModelError,
    check_causal_lm,
    load_causal_lm,
    resolve_device,
)
from partwise.models.precision import weights
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


def test_adapters_are_written_alike_whatever_order_their_sets_lie_in(llama_folder, tmp_path):
    model, tokenizer = load_causal_lm(llama_folder, lora_rank=4, device="cpu")
    for name in ("first", "second"):
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        written = json.loads((tmp_path / name / hub.ADAPTERS).read_text())
        assert written["target_modules"] == sorted(written["target_modules"])
        model, tokenizer = load_causal_lm(tmp_path / name, lora_rank=0, device="cpu")
    first, second = ((tmp_path / name / hub.ADAPTERS).read_bytes() for name in ("first", "second"))
    assert first == second


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


def test_half_precision_is_for_what_is_not_trained():
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert weights("auto", gpu, adapters=True) == {"dtype": "auto"}
    assert weights("auto", gpu, adapters=False) == {"dtype": torch.float32}
    assert weights("auto", cpu, adapters=True) == weights("auto", cpu, adapters=False)
    assert weights("auto", cpu, adapters=True) == {"dtype": torch.float32}


def test_adapters_on_half_precision_are_float32(llama_folder):
    base = hub._load_model(str(llama_folder), {"dtype": torch.bfloat16})
    model = hub.with_new_adapters(base, 4)
    kinds = {parameter.requires_grad: parameter.dtype for parameter in model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


def test_a_model_that_was_saved_in_half_precision_is_trained_in_full(llama_folder, tmp_path):
    shutil.copytree(llama_folder, tmp_path / "half")
    hub._load_model(str(llama_folder), {"dtype": torch.bfloat16}).save_pretrained(tmp_path / "half")
    model, _ = load_causal_lm(tmp_path / "half", lora_rank=0, device="cpu")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_nothing_is_left_to_chance():
    """OPT drops by a number in each layer, which is no layer of its own."""
    config = OPTConfig(
        vocab_size=20, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, dropout=0.5,
        attention_dropout=0.5, layerdrop=0.5, word_embed_proj_dim=16, pad_token_id=0,
    )  # fmt: skip
    model, ids = OPTForCausalLM(config).train(), torch.tensor([[3, 4, 5, 6]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(model(ids).logits, model(ids).logits)
    without_chance(model)
    assert torch.equal(model(ids).logits, model(ids).logits)
    assert (model.config.dropout, model.config.attention_dropout, model.config.layerdrop) == (0, 0, 0)


def _saved(folder, model, tokenizer):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_architectures_that_do_not_train_on_what_they_sampled(byte_tokenizer, tmp_path):
    config = BertConfig(
        vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    encoder = _saved(tmp_path / "encoder", BertLMHeadModel(config), byte_tokenizer)
    with pytest.raises(ModelError, match="encoder' can't be a planner: bert is an encoder"):
        load_causal_lm(encoder, lora_rank=0, device="cpu")
    config.is_decoder = True
    decoder = _saved(tmp_path / "decoder", BertLMHeadModel(config), byte_tokenizer)
    load_causal_lm(decoder, lora_rank=0, device="cpu")
    both = _saved(tmp_path / "both", XLNetConfig(), byte_tokenizer)
    with pytest.raises(ModelError, match="xlnet is trained on would not be what it sampled"):
        check_causal_lm(both, device="cpu")


def test_a_chat_template_that_holds_no_two_turns(llama_folder, byte_tokenizer, tmp_path):
    tokenizer = copy.deepcopy(byte_tokenizer)
    folder = shutil.copytree(llama_folder, tmp_path / "refuses")
    tokenizer.chat_template = "{{ raise_exception('no users here') }}"
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"its chat template refuses .* no users here"):
        load_causal_lm(folder, lora_rank=0, device="cpu")


def test_turns_that_would_never_end(llama_folder, byte_tokenizer, tmp_path):
    tokenizer = copy.deepcopy(byte_tokenizer)
    folder = shutil.copytree(llama_folder, tmp_path / "endless")
    tokenizer.eos_token = None
    tokenizer.pad_token = "<pad>"
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="no turn would ever end"):
        check_causal_lm(folder, device="cpu")
    # Its template ends them.
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end|>"]})
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}{{ '>' if add_generation_prompt }}"
    )
    tokenizer.save_pretrained(folder)
    check_causal_lm(folder, device="cpu")


def test_a_tokenizer_with_more_tokens_than_the_model(llama_folder, byte_tokenizer, tmp_path):
    tokenizer = copy.deepcopy(byte_tokenizer)
    folder = shutil.copytree(llama_folder, tmp_path / "more")
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    _, opened = load_causal_lm(folder, lora_rank=0, device="cpu")
    assert opened.pad_token_id == opened.eos_token_id == len(byte_tokenizer) - 1
    tokenizer.add_tokens(["more"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="has the token 'more' at 258, and the model knows 257 tokens"):
        load_causal_lm(folder, lora_rank=0, device="cpu")
