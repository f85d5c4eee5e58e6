from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from partwise.models.tiny import tiny_model
from partwise.models.tokenizer import ASSISTANT, END, USER, build_tokenizer

TOKENIZER = build_tokenizer(['def ab(x): "a b"\n    return x[0]', "é = 日"] * 2)
pythonic = st.lists(
    st.sampled_from(
        [*' \t\n"\\_()[]{}:=+-*/<>0123456789abcxyz', "def ", "é", "日", '"a b"', "<0x41>", "▁", "e\u0301"]
    )
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.text() | pythonic)
def test_any_text_round_trips(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_vocabulary_made_of_any_text_round_trips(text, other):
    tokenizer = build_tokenizer([text, text])
    assert tokenizer.decode(tokenizer.encode(text + other)) == text + other


def test_pieces_are_whole(tokenizer, corpus):
    decomposition, _, composition, _ = corpus[:4]
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode(decomposition)]
    assert ' "Ask a guest which restaurants they like."' in pieces
    assert " ask_preference" in pieces
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode(composition)]
    assert "\n    " in pieces
    assert "".join(pieces) == composition


def test_rare_pieces_get_no_token_and_the_cap_keeps_the_commonest():
    bare = len(build_tokenizer([]))
    assert bare == 256 + 4
    assert len(build_tokenizer(["once"])) == bare
    capped = build_tokenizer(["aa", "aa", "bb", "bb", "bb"], max_pieces=1)
    assert len(capped.encode("bb")) == 1
    assert len(capped.encode("aa")) == 2


def test_chat_template(tokenizer):
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": " b\n"},
        {"role": "user", "content": "c"},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == f"{USER}a{ASSISTANT} b\n{END}{USER}c{ASSISTANT}"
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    marked = [i for i, m in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if m]
    assert tokenizer.decode(marked) == f" b\n{END}"


def test_reopens_beside_a_model_without_custom_code(tokenizer, corpus, tmp_path):
    # transformers replaces the tokenizer beside some architectures (Qwen2) with that architecture's own.
    tiny_model("nano", tokenizer, seed=0).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    reopened = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(reopened, PreTrainedTokenizerFast)
    assert reopened.get_vocab() == tokenizer.get_vocab()
    for text in (*corpus, "tést\t日 12"):
        assert reopened.encode(text) == tokenizer.encode(text)
        assert reopened.decode(reopened.encode(text)) == text
    assert (reopened.pad_token, reopened.eos_token) == (tokenizer.pad_token, tokenizer.eos_token)
    assert reopened.chat_template == tokenizer.chat_template
