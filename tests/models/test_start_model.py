"""The start model: what is settled when it is taken over, and what is said when it cannot be had."""

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest
import torch
from huggingface_hub.utils import close_session
from transformers import BertConfig, BertForMaskedLM

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.models.start_model import architecture, check_context, fetch_policy, warn_of_unreadable
from beyond_sharpening.models.tiny import build_tokenizer
from beyond_sharpening.parameters import HubBase, Task
from beyond_sharpening.problems.prompts import prompt_token_ids
from decoding.tiny_models import tiny_model


@pytest.fixture
def made(tmp_path):
    return save_policy(tiny_model(vocabulary=20), build_tokenizer(), tmp_path / "made")


def published(made, folder, **changed):
    """The same model with another tokenizer or generation configuration."""
    model, tokenizer = made.model(), made.tokenizer()
    for name, value in changed.items():
        setattr(model.generation_config if name == "eos_token_id" else tokenizer, name, value)
    return save_policy(model, tokenizer, folder)


def base(policy, **given) -> HubBase:
    return HubBase(type="hub", path=str(policy.path), dtype="float32", **given)


def test_a_policy_is_fetched_from_a_local_folder_as_from_the_hub(made, tmp_path):
    policy = fetch_policy(base(made), tmp_path / "base")
    assert torch.equal(policy.model().lm_head.weight, made.model().lm_head.weight)
    assert policy.tokenizer().chat_template == made.tokenizer().chat_template


def test_a_tokenizer_without_a_chat_template_is_refused_unless_given_one(made, tmp_path):
    bare = published(made, tmp_path / "bare", chat_template=None)
    with pytest.raises(BadInput, match=r"has no chat template: set base\.chat_template"):
        fetch_policy(base(bare), tmp_path / "base")
    policy = fetch_policy(base(bare, chat_template="Q: {{ messages[0]['content'] }}"), tmp_path / "base")
    assert policy.tokenizer().chat_template.startswith("Q: ")


def test_a_template_that_asks_the_clock_is_refused_unless_its_date_is_fixed(made, tmp_path):
    """A prompt must be the same tomorrow."""
    template = (
        "{%- if not today is defined %}{%- set today = strftime_now('%Y') %}{%- endif %}"
        "{{ today }}-{{ messages[0]['content'] }}"
    )
    dated = published(made, tmp_path / "dated", chat_template=template)
    with pytest.raises(BadInput, match=r"writes today's date: .* fix its variable, such as base\.template_variables"):
        fetch_policy(base(dated), tmp_path / "base")
    tokenizer = fetch_policy(base(dated, template_variables={"today": "1"}), tmp_path / "base").tokenizer()
    assert prompt_token_ids(tokenizer, ["8+5="], "{question}") == [tokenizer("1-8+5=")["input_ids"]]


def test_a_switch_of_the_template_is_a_boolean(made, tmp_path):
    """Qwen3's thinks unless it is told ``false``; the text "false" would be true."""
    template = "{%- if think is defined and think is false %}-{%- else %}+{%- endif %}{{ messages[0]['content'] }}"
    thinking = published(made, tmp_path / "thinking", chat_template=template)
    for switch, sign in ((False, "-"), (True, "+")):
        tokenizer = fetch_policy(base(thinking, template_variables={"think": switch}), tmp_path / sign).tokenizer()
        assert prompt_token_ids(tokenizer, ["8+5="], "{question}") == [tokenizer(f"{sign}8+5=")["input_ids"]]


def test_a_tokenizer_without_a_pad_token_is_refused_unless_given_one_of_its_vocabulary(made, tmp_path):
    bare = published(made, tmp_path / "bare", pad_token=None)
    with pytest.raises(BadInput, match=r"names no token to pad with: set base\.pad_token"):
        fetch_policy(base(bare), tmp_path / "base")
    with pytest.raises(BadInput, match=r"base\.pad_token = '<padding>' is not in the vocabulary"):
        fetch_policy(base(bare, pad_token="<padding>"), tmp_path / "base")
    policy = fetch_policy(base(bare, pad_token="<unk>"), tmp_path / "base")
    assert policy.tokenizer().pad_token == "<unk>"
    assert policy.model().generation_config.pad_token_id == policy.tokenizer().pad_token_id
    assert policy.model().get_input_embeddings().padding_idx == made.model().get_input_embeddings().padding_idx


def test_the_tokens_that_end_a_completion_are_the_blocks_and_the_tokenizers(made, tmp_path):
    assert made.tokenizer().eos_token_id == 1
    policy = fetch_policy(base(made, eos_token_ids=[5, 7]), tmp_path / "base")
    assert policy.model().generation_config.eos_token_id == [1, 5, 7]
    with pytest.raises(BadInput, match=r"base\.eos_token_ids: 20 is not in the vocabulary"):
        fetch_policy(base(made, eos_token_ids=[1, 20]), tmp_path / "base")


def test_a_model_that_nothing_ends_is_refused_unless_told_what_does(made, tmp_path):
    endless = published(made, tmp_path / "endless", eos_token=None, eos_token_id=None)
    with pytest.raises(BadInput, match=r"declares no EOS token .* set base\.eos_token_ids"):
        fetch_policy(base(endless), tmp_path / "base")
    policy = fetch_policy(base(endless, eos_token_ids=[4]), tmp_path / "base")
    assert policy.model().generation_config.eos_token_id == [4]


def test_what_is_loaded_must_be_what_the_block_says(made, tmp_path):
    told = {"model_type": "llama", "hidden_size": 16, "rope_parameters": {"rope_theta": 10000.0}}
    fetch_policy(base(made, config=told), tmp_path / "base")
    for wrong, named in (
        ({"hidden_size": 32}, r"base\.config\.hidden_size = 32, but .*made has 16: correct the block"),
        ({"model_type": "qwen3"}, r"base\.config\.model_type = 'qwen3', but .* has 'llama'"),
        ({"rope_parameters": {"rope_theta": 1.0}}, r"base\.config\.rope_parameters\.rope_theta = 1\.0, but"),
        ({"colour": "red"}, r"base\.config\.colour = 'red', but .* has None"),
    ):
        with pytest.raises(BadInput, match=named):
            fetch_policy(base(made, config={**told, **wrong}), tmp_path / "base")


def test_the_shape_is_known_before_the_model_is_loaded(made, tmp_path):
    assert architecture(base(made, config={"model_type": "llama", "hidden_size": 64})).hidden_size == 64
    assert architecture(base(made)).hidden_size == 16
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"the model .*empty \(revision main\) cannot be loaded"):
        architecture(HubBase(type="hub", path=str(tmp_path / "empty")))


def test_a_shape_that_no_library_knows_is_told(made):
    with pytest.raises(BadInput, match=r"base\.config is not given"):
        architecture(HubBase(type="hub", path="someone/some-model"))
    for wrong in ({"model_type": "lama"}, {"model_type": "llama", "hidden_size": 48, "num_attention_heads": 32}):
        with pytest.raises(BadInput, match=r"base\.config is no configuration that transformers can build"):
            architecture(base(made, config=wrong))


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BadInput, match=r"base\.path = '.*/nowhere': there is no such folder"):
        fetch_policy(HubBase(type="hub", path=str(tmp_path / "nowhere")), tmp_path / "base")


def test_an_encoder_is_refused_before_its_weights_are_loaded(made, tmp_path):
    config = BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    policy = save_policy(BertForMaskedLM(config), made.tokenizer(), tmp_path / "encoder")
    (policy.path / "model.safetensors").unlink()
    for refuse in (architecture, lambda asked: fetch_policy(asked, tmp_path / "base")):
        with pytest.raises(BadInput, match=r"base\.path = '.*/encoder' is an encoder \(model_type bert\), .*: choose"):
            refuse(base(policy))


def test_a_tokenizer_of_a_larger_model_is_refused(tmp_path):
    policy = save_policy(tiny_model(vocabulary=10), build_tokenizer(), tmp_path / "small")
    with pytest.raises(BadInput, match=r"'.*/small' does not fit its model: token 10 \('.'\) is beyond the 10 that"):
        fetch_policy(base(policy), tmp_path / "base")


@pytest.mark.parametrize("written", [False, True])
def test_a_special_token_beyond_the_embeddings_is_refused_where_it_is_written(made, tmp_path, written):
    tokenizer = made.tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    if written:
        tokenizer.chat_template = "<image>" + tokenizer.chat_template
    policy = save_policy(made.model(), tokenizer, tmp_path / "image")
    if not written:
        assert fetch_policy(base(policy), tmp_path / "base").path.is_dir()
        return
    with pytest.raises(BadInput, match=r"token 20 \('<image>'\) is beyond the 20 that the model has embeddings of"):
        fetch_policy(base(policy), tmp_path / "base")


def test_weights_that_are_cut_off_are_told_with_their_folder(made, tmp_path):
    weights = made.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(BadInput, match=r"the weights of base\.path = '.*/made' .* are damaged or cut off .*: copy or"):
        fetch_policy(base(made), tmp_path / "base")


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_a_model_without_tokenizer_is_told_which_files_are_missing(family, tmp_path):
    """Transformers fails for one family, and makes a tokenizer without a vocabulary for the other."""
    tiny_model(family, vocabulary=20).save_pretrained(tmp_path / "bare")
    with pytest.raises(BadInput, match=r"no tokenizer can be made of what base\.path = '.*/bare' holds: put beside"):
        fetch_policy(base(Policy(tmp_path / "bare")), tmp_path / "base")


def test_a_context_too_short_for_prompt_and_completion_is_refused_with_the_keys():
    config = tiny_model(context=64).config

    def check(prompts=(), **lengths):
        check_context(config, Task(prompt="{question}", grader="math:sqrt", **lengths), "some/model", prompts)

    check(max_prompt_tokens=24, max_completion_tokens=40)
    check(max_completion_tokens=40, prompts=[[1] * 24])
    told = r"base\.path = 'some/model' has a context of 64 tokens .*: "
    with pytest.raises(BadInput, match=told + r"task\.max_prompt_tokens = 25 and task\.max_completion_tokens = 40 do"):
        check(max_prompt_tokens=25, max_completion_tokens=40)
    with pytest.raises(BadInput, match=told + r"task\.max_completion_tokens = 40 after prompts of up to 25 tokens"):
        check(max_completion_tokens=40, prompts=[[1], [1] * 25])
    check(context=64, evaluation_tokens=40)
    with pytest.raises(BadInput, match=r"task\.context = 65 is more than the 64 tokens .* 'some/model'"):
        check(context=65, evaluation_tokens=40)
    with pytest.raises(BadInput, match=told + r"task\.max_completion_tokens = 64 do not fit"):
        check(max_completion_tokens=64)


def test_prompts_that_the_tokenizer_cannot_write_are_warned_of(caplog):
    """The small model knows digits and signs alone; GPT-2's unknown token is its EOS token, which templates write."""

    def warned(*questions, **changed):
        tokenizer = build_tokenizer()
        for name, token in changed.items():
            setattr(tokenizer, name, token)
        caplog.clear()
        warn_of_unreadable(tokenizer, prompt_token_ids(tokenizer, questions, "{question}"))
        return caplog.text

    assert "cannot read 4 of the 8 tokens of its validation prompts" in warned("1+2=", "one?")
    assert not warned("1+2=")
    assert not warned("1+2=", "one?", eos_token="<unk>")


class Hub(BaseHTTPRequestHandler):
    """Answers every request with one refusal, in the way of the hub."""

    def __init__(self, status: int, code: str, *arguments) -> None:
        self.status, self.code = status, code
        super().__init__(*arguments)

    def do_GET(self) -> None:
        body = json.dumps({"error": self.code}).encode()
        self.send_response(self.status)
        self.send_header("X-Error-Code", self.code)
        self.send_header("X-Error-Message", self.code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *unused) -> None:
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Lets a hub of our own refuse; an empty cache."""
    servers = []

    def refuse(status: int, code: str) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, status, code))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        point_at(f"http://127.0.0.1:{server.server_port}")

    def point_at(address: str) -> None:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        monkeypatch.setattr(
            huggingface_hub.constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )

    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    close_session()  # it remembers the proxies
    refuse.point_at = point_at
    yield refuse
    close_session()
    for server in servers:
        server.shutdown()
        server.server_close()


def refusal(tmp_path) -> str:
    with pytest.raises(BadInput) as caught:
        fetch_policy(HubBase(type="hub", path="someone/some-model", revision="abc"), tmp_path / "base")
    message = str(caught.value)
    assert message.startswith("the model someone/some-model (revision abc) cannot be loaded: ")
    return message


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, "GatedRepo", "it is gated and this account has no access to it. Accept its licence at"),
        (403, "GatedRepo", "then log in with `hf auth login` or set HF_TOKEN."),
        (404, "RepoNotFound", "the hub has no such model, or it is private. Correct base.path, log in with"),
        (404, "RevisionNotFound", "the hub has no such revision of it. Correct base.revision."),
    ],
)
def test_what_the_hub_refuses_is_told_with_the_remedy(hub, tmp_path, status, code, told):
    hub(status, code)
    assert told in refusal(tmp_path)


@pytest.mark.parametrize("offline", [True, False], ids=["told to be offline", "nobody answers"])
def test_without_network_or_cache_it_is_told_how_to_fill_it(hub, tmp_path, monkeypatch, offline):
    if offline:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    else:
        hub.point_at("http://127.0.0.1:9")  # the discard port: nothing listens
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # between attempts
    told = refusal(tmp_path)
    assert "it is not in the local cache, and the hub is out of reach." in told
    assert "`hf download someone/some-model --revision abc` fills the cache" in told


def test_weights_in_a_pickle_are_not_loaded(made, tmp_path):
    folder = published(made, tmp_path / "pickled").path
    torch.save(made.model().state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BadInput, match=r"pickled.* cannot be loaded: .*safetensors"):
        fetch_policy(base(Policy(folder)), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
