"""Reward models and classifiers: opened as they were saved, and refused where they score nothing."""

import copy
import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from partwise.measure.rewardbench import sequence_scores
from partwise.models.errors import ModelError
from partwise.models.scoring import load_classifier, load_reward_model


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
