"""Reward models and classifiers: opened as they were saved, and refused where they score nothing."""

import copy
import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from partwise.measure.rewardbench import sequence_scores
from partwise.models import scoring
from partwise.models.classifier import Encoder, batch_of, logits_of
from partwise.models.errors import ModelError
from partwise.models.scoring import (
    check_reward_model,
    load_classifier,
    load_reward_model,
    new_reward_model,
)


def _scorer(folder, tokenizer, pad, labels=1):
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_labels=labels,
        pad_token_id=pad,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model.eval()


@pytest.mark.parametrize("pad", [None, 0, 256])
@pytest.mark.parametrize("named", [None, "!", "</s>"])
def test_a_classifiers_padding_stays_its_own(pad, named, byte_tokenizer, tmp_path):
    tokenizer = copy.deepcopy(byte_tokenizer)
    tokenizer.pad_token = named
    _scorer(tmp_path, tokenizer, pad)
    for model, _ in (
        load_reward_model(tmp_path, device="cpu"),
        load_classifier(tmp_path, classes=2, seed=0, device="cpu"),
    ):
        assert model.config.pad_token_id == pad


def test_a_classifier_ends_no_turn(byte_tokenizer, tmp_path):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_tokenizer.backend_tokenizer)
    assert tokenizer.eos_token is None
    _scorer(tmp_path, tokenizer, None)
    assert load_reward_model(tmp_path, device="cpu")[1].eos_token is None
    assert load_classifier(tmp_path, classes=2, seed=0, device="cpu")[0].config.num_labels == 2


def _adapted(base, folder, *, task="SEQ_CLS", head=True):
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    keep = {} if head else {"modules_to_save": []}
    config = LoraConfig(r=2, task_type=task, target_modules=["q_proj"], init_lora_weights=False, **keep)
    adapted = get_peft_model(model, config)
    if head:
        torch.nn.init.normal_(adapted.get_submodule("base_model.model.score.modules_to_save.default").weight)
    adapted.save_pretrained(folder)
    return adapted.eval()


def test_adapters_alone_are_a_reward_model_with_their_head(byte_tokenizer, tmp_path):
    _scorer(tmp_path / "base", byte_tokenizer, None)
    meant = _adapted(tmp_path / "base", tmp_path / "adapters")
    model, tokenizer = load_reward_model(tmp_path / "adapters", device="cpu")
    ids = torch.tensor([tokenizer("a text")["input_ids"]])
    with torch.inference_mode():
        assert torch.equal(model.eval()(input_ids=ids).logits, meant(input_ids=ids).logits)
        scores = sequence_scores(model, tokenizer)(["a text", "b", "a longer text"])
    assert scores[0] == pytest.approx(float(meant(input_ids=ids).logits), abs=1e-5)


def test_adapters_that_score_nothing_are_refused(byte_tokenizer, llama_folder, tmp_path):
    _scorer(tmp_path / "base", byte_tokenizer, None)
    _adapted(tmp_path / "base", tmp_path / "other", task="FEATURE_EXTRACTION", head=False)
    with pytest.raises(ModelError, match="are for FEATURE_EXTRACTION and score no text"):
        load_reward_model(tmp_path / "other", device="cpu")
    # On a model without a head, adapters that bring none score at random.
    _adapted(llama_folder, tmp_path / "whole")
    weights = load_file(tmp_path / "whole" / "adapter_model.safetensors")
    save_file(
        {name: weight for name, weight in weights.items() if "score" not in name},
        tmp_path / "whole" / "adapter_model.safetensors",
    )
    with pytest.raises(ModelError, match=r"is no reward model with one score: it has no score\.weight"):
        load_reward_model(tmp_path / "whole", device="cpu")
    with pytest.raises(ModelError, match="holds adapters alone"):
        load_classifier(tmp_path / "whole", classes=2, seed=0, device="cpu")


@pytest.mark.parametrize("kind", ["llama", "my_own"])
def test_a_model_with_its_own_code_is_refused_and_nothing_of_it_runs(kind, byte_tokenizer, tmp_path):
    _scorer(tmp_path, byte_tokenizer, None)
    config = json.loads((tmp_path / "config.json").read_text()) | {
        "model_type": kind,
        "auto_map": {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for load in (load_reward_model, lambda p, device: load_classifier(p, classes=1, seed=0, device=device)):
        with pytest.raises(ModelError, match=r"brings its own code, which is not run here: .*reward_bench"):
            load(tmp_path, device="cpu")
    assert not (tmp_path / "ran").exists()


def _scores(model, tokenizer):
    encode = Encoder(model, tokenizer)
    model.eval()
    with torch.inference_mode():
        return logits_of(model, *batch_of([encode(text) for text in ("a text", "b", "a longer text")]))


def _trained(model):
    return [name for name, weight in model.named_parameters() if weight.requires_grad]


def _moved(model):
    """As if it had learned."""
    generator = torch.Generator().manual_seed(1)
    for weight in (weight for weight in model.parameters() if weight.requires_grad):
        torch.nn.init.normal_(weight, std=0.3, generator=generator)


@pytest.fixture
def encoder(byte_tokenizer, tmp_path):
    """One whose pooling is not among its weights either, as of most that were pretrained on masked words."""
    config = BertConfig(
        vocab_size=257, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "encoder")
    byte_tokenizer.save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("kind", ["llama_folder", "encoder"])
def test_what_a_new_reward_model_learned_is_saved_and_goes_on_learning(kind, rank, request, tmp_path):
    folder = request.getfixturevalue(kind)
    check_reward_model(folder, device="cpu")
    model, tokenizer = new_reward_model(folder, lora_rank=rank, seed=3, device="cpu")
    again, _ = new_reward_model(folder, lora_rank=rank, seed=3, device="cpu")
    assert torch.equal(_scores(model, tokenizer), _scores(again, tokenizer))
    other, _ = new_reward_model(folder, lora_rank=rank, seed=4, device="cpu")
    assert not torch.equal(_scores(model, tokenizer), _scores(other, tokenizer))
    _moved(model)
    learned, trained = _scores(model, tokenizer), _trained(model)
    assert not torch.allclose(learned, _scores(again, tokenizer), atol=0.01)
    for name in ("first", "second"):
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        model, tokenizer = load_reward_model(tmp_path / name, device="cpu", trained=True)
        assert torch.equal(_scores(model, tokenizer), learned)
        assert _trained(model) == trained
        assert [file.suffix for file in (tmp_path / name).glob("*model*")] == [".safetensors"]
    saved = "adapter_config.json" if rank else "config.json"
    assert (tmp_path / "first" / saved).read_bytes() == (tmp_path / "second" / saved).read_bytes()
    # What reads it needs no more than what trains it.
    read = load_reward_model(tmp_path / "first", device="cpu")
    assert torch.allclose(_scores(*read), learned, atol=1e-6)


@pytest.mark.parametrize("rank", [0, 4])
def test_a_reward_model_keeps_its_own_head_and_loses_its_dropout(rank, byte_tokenizer, tmp_path):
    meant = _scorer(tmp_path, byte_tokenizer, 0)
    meant.config.attention_dropout = 0.5
    meant.config.save_pretrained(tmp_path)
    model, tokenizer = new_reward_model(tmp_path, lora_rank=rank, seed=3, device="cpu")
    assert torch.allclose(_scores(model, tokenizer), _scores(meant, tokenizer), atol=1e-5)
    assert any(name.endswith(("score.weight", "default.weight")) for name in _trained(model))
    assert model.config.attention_dropout == 0
    if rank:  # The adapters of somebody's reward model are trained further.
        _moved(model)
        model.save_pretrained(tmp_path / "adapters")
        tokenizer.save_pretrained(tmp_path / "adapters")
        check_reward_model(tmp_path / "adapters", device="cpu")
        theirs, _ = new_reward_model(tmp_path / "adapters", lora_rank=16, seed=0, device="cpu")
        assert torch.equal(_scores(theirs, tokenizer), _scores(model, tokenizer))
        assert _trained(theirs) == _trained(model)


def test_heads_are_float32_over_half_precision(llama_folder, byte_tokenizer, monkeypatch, tmp_path):
    """As they are held on a GPU, where a body is as it was saved."""
    LlamaForCausalLM.from_pretrained(llama_folder, dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    byte_tokenizer.save_pretrained(tmp_path / "half")
    monkeypatch.setattr(
        scoring,
        "weights",
        lambda dtype, where, adapters: {"dtype": "auto" if adapters else torch.float32},
    )
    model, tokenizer = new_reward_model(tmp_path / "half", lora_rank=4, seed=3, device="cpu")
    kinds = {(weight.requires_grad, weight.dtype) for weight in model.parameters() if weight.ndim > 1}
    assert {(True, torch.float32), (False, torch.bfloat16)} <= kinds and (True, torch.bfloat16) not in kinds
    _moved(model)
    learned = _scores(model, tokenizer)
    assert not torch.equal(learned, learned.bfloat16().float())
    model.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    opened, _ = load_reward_model(tmp_path / "saved", device="cpu", trained=True)
    assert torch.equal(_scores(opened, tokenizer), learned)
    whole, _ = new_reward_model(tmp_path / "half", lora_rank=0, seed=3, device="cpu")
    assert {weight.dtype for weight in whole.parameters()} == {torch.float32}
