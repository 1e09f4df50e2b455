"""From texts that another system kept to the tokens that its model read and wrote."""

import json

import pytest

from beyond_sharpening.errors import BadInput
from beyond_sharpening.evaluation.retokenised import Retokeniser
from beyond_sharpening.models.start_model import settle_tokenizer
from beyond_sharpening.parameters import Task
from beyond_sharpening.problems.prompts import prompt_token_ids
from beyond_sharpening.readers.prompts import Prompt, prompt_of
from models.families import FAMILIES, build_tokenizer, tiny_base

TASK = Task(
    prompt="Solve: {question}", system_prompt="Be brief.", max_completion_tokens=8,
    grader="beyond_sharpening.grading:grade",
)  # fmt: skip
SAID = [{"role": "system", "content": "Add.\nuser: as you can"}, {"role": "user", "content": "1 + 1?\n\nNow."}]


@pytest.fixture(scope="module", params=[*FAMILIES])
def made(request, tmp_path_factory) -> Retokeniser:
    family = request.param
    base = tiny_base(family, tmp_path_factory.mktemp(family))
    tokenizer = build_tokenizer(FAMILIES[family])
    settle_tokenizer(tokenizer, base)
    return Retokeniser(tokenizer, base.eos_token_ids, TASK, None)


def read(made: Retokeniser, asked: object, kind: str = "unsaid") -> list[int]:
    prompt = prompt_of(asked, kind)
    assert prompt is not None
    return made.prompt(prompt)


def template(made: Retokeniser, messages: list[dict[str, str]]) -> str:
    return str(made.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


@pytest.fixture
def asked_so(made) -> list[int]:
    """The tokens of the chat ``SAID``, as the model reads it."""
    return made.tokenizer(template(made, SAID), add_special_tokens=False)["input_ids"]


def test_a_chat_is_put_through_the_chat_template_also_where_it_was_written_as_text(made, asked_so):
    assert read(made, SAID) == asked_so
    assert read(made, json.dumps(SAID)) == asked_so


def test_a_text_with_the_marks_of_a_chat_stands_as_it_is_with_one_bos(made, asked_so):
    assert read(made, template(made, SAID)) == asked_so
    assert read(made, template(made, SAID), "text") == asked_so


def test_a_text_that_nothing_is_said_of_is_a_users_message_and_one_that_the_model_read_is_that(made):
    asked = made.tokenizer(template(made, [{"role": "user", "content": "1 + 1?"}]), add_special_tokens=False)
    assert read(made, "1 + 1?") == asked["input_ids"]
    assert read(made, "1 + 1?", "text") == made.tokenizer("1 + 1?")["input_ids"]


def test_a_question_is_put_as_the_task_puts_it(made):
    expected = prompt_token_ids(made.tokenizer, ["1 + 1?"], TASK.prompt, TASK.system_prompt)[0]
    assert read(made, "1 + 1?", "question") == expected
    told = Retokeniser(made.tokenizer, made.eos_ids, TASK, "question")
    assert read(told, "1 + 1?", "text") == expected, "what is said beside the files comes first"


def test_special_tokens_that_were_left_out_are_put_back_where_the_template_writes_the_same(made):
    for messages in (SAID, SAID[1:]):
        ids = made.tokenizer(template(made, messages), add_special_tokens=False)["input_ids"]
        assert read(made, made.tokenizer.decode(ids, skip_special_tokens=True), "stripped") == ids
    with pytest.raises(BadInput, match="is it the model that was asked"):
        read(made, "Human: 1 + 1?", "stripped")


def test_a_completion_ends_as_the_template_ends_an_answer_unless_it_was_cut_short(made):
    chat, plain = Prompt("chat", json.dumps(SAID)), Prompt("text", "1 + 1 =")
    own = made.tokenizer("It is 2.", add_special_tokens=False)["input_ids"]
    end = made.tokenizer.convert_tokens_to_ids(end_of_turn(made))
    assert made.completion("It is 2.", chat, truncated=False) == [*own, end]
    assert made.completion("It is 2.", chat, truncated=True) == own
    assert made.completion("It is 2." + end_of_turn(made), chat, truncated=False) == [*own, end], "once"
    assert made.completion("", chat, truncated=False) == [end]
    assert made.completion("It is 2.", plain, truncated=False) == [*own, made.tokenizer.eos_token_id]


def end_of_turn(made: Retokeniser) -> str:
    return "<|eot_id|>" if made.tokenizer.bos_token else "<|im_end|>"


@pytest.mark.parametrize("nothing", [None, "", float("nan"), 3, []])
def test_what_is_no_prompt_is_none(nothing):
    assert prompt_of(nothing, "text") is None
