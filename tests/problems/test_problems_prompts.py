"""One way from a question to the tokens a model continues."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from beyond_sharpening.problems import prompt_token_ids, render_messages

REAL = "{question}\n\nPlease reason step by step, and put your final answer within \\boxed{}."
CHAT = (
    "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %} [ask]{% endif %}"
)


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of ten words that, like Llama's, puts a start token before whatever it encodes."""
    words = ["[unk]", "[bos]", "[ask]", *"0123+=", "{"]
    inner = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[unk]"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.post_processor = processors.TemplateProcessing(single="[bos] $A", special_tokens=[("[bos]", 1)])
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="[bos]", unk_token="[unk]")
    made.add_special_tokens({"additional_special_tokens": ["[ask]"]})
    made.chat_template = CHAT
    return made


def test_the_question_is_inserted_as_it_is() -> None:
    question = r"Simplify $\frac{x}{y}$, {question} and {0}."
    assert render_messages(question, REAL) == [
        {"role": "user", "content": REAL.replace("{question}", question, 1)},
    ]
    assert render_messages("8+5=", "{question}") == [{"role": "user", "content": "8+5="}]


@pytest.mark.parametrize("template", ["", "Answer:", "{question} {question}", "{problem}"])
def test_a_template_without_exactly_one_placeholder_is_an_error(template: str) -> None:
    with pytest.raises(ValueError, match=r"write it exactly once") as error:
        render_messages("8+5=", template)
    assert repr(template) in str(error.value)


def test_special_tokens_stand_once_and_the_prompt_ends_where_the_answer_starts(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert tokenizer("1+2=").input_ids[0] == tokenizer.bos_token_id  # would stand twice if added again
    prompts = prompt_token_ids(tokenizer, ["1+2=", "3="], "{question}")
    assert [tokenizer.convert_ids_to_tokens([i for i in ids if i != 0]) for ids in prompts] == [
        ["[bos]", "1", "+", "2", "=", "[ask]"],
        ["[bos]", "3", "=", "[ask]"],
    ]


def test_a_tokenizer_without_chat_template_is_an_error_with_the_remedy(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.chat_template = None
    with pytest.raises(ValueError, match=r"no chat template: choose an instruction-tuned model"):
        prompt_token_ids(tokenizer, ["1+2="], "{question}")
