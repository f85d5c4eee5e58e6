"""A small model with what Llama has not, over a vocabulary of names."""

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from partwise.models.tokenizer import build_tokenizer

TOKENIZER = build_tokenizer([f" name{i}" for i in range(20)] * 2)
VOCABULARY = len(TOKENIZER)


def small_qwen2() -> Qwen2ForCausalLM:
    """Several key-value heads, biases that are not zero, and a head of its own."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
    )
    model = Qwen2ForCausalLM(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model
