"""Domains beside models: any domain on any model, at a place of its own, with what it knows of its problems."""

import json
from pathlib import Path

import pytest
import yaml

from beyond_sharpening import settings
from beyond_sharpening.cells.identity import differences, identity
from beyond_sharpening.cells.place import unfinished
from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters.layers import compose
from beyond_sharpening.parameters.sources import LocalSource
from beyond_sharpening.pipelines.prepare_data.nodes import prepare_problems
from beyond_sharpening.problems import as_written, load_problems, render_messages
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.splits import drop_overlap
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")

CONF = Path(__file__).resolve().parents[2] / "conf"
BASE = {file.stem: yaml.safe_load(file.read_text()) for file in (CONF / "base").glob("parameters_*.yml")}
MODELS, DOMAINS = (
    sorted(name for file in BASE.values() for name in file.get(key, ())) for key in ("models", "domains")
)


def loader(**asked) -> ExperimentConfigLoader:
    return ExperimentConfigLoader(CONF, runtime_params=asked, **settings.CONFIG_LOADER_ARGS)


def refusal(**asked) -> str:
    with pytest.raises(BadInput) as caught:
        loader(**asked)["parameters"]
    return str(caught.value)


LAYERS = {
    "models": {
        "one": {"domain": "sums", "task": {"length": 9}, "training": {"steps": 20}},
        "own": {"task": {"prompt": "mine"}, "problems": {"train": "a", "benchmarks": ["a"]}},
    },
    "domains": {
        "sums": {
            "task": {"prompt": "sum", "length": 4},
            "problems": {"train": "a", "benchmarks": ["a"]},
            "training": {"steps": 10, "rate": 2},
        },
        "words": {"task": {"prompt": "say"}, "problems": {"train": "b", "benchmarks": ["a", "b"]}},
    },
    "sources": {"a": {"size": 1}, "b": {"size": 2}},
    "training": {"rate": 1},
    "train": {"tilted": None},
    "task": {"grader": "g", "length": 1},
}


def test_a_domain_goes_over_the_shared_keys_and_a_model_over_its_own_domain():
    composed = compose({**LAYERS, "model": "one"}, {})
    assert composed["domain"] == "sums"
    assert composed["task"] == {"grader": "g", "prompt": "sum", "length": 9}
    assert composed["train"]["tilted"] == {"objective": "tilted", "rate": 2, "steps": 20}


def test_another_domain_is_taken_as_it_is_with_nothing_that_the_model_says_of_its_own():
    composed = compose({**LAYERS, "model": "one", "domain": "words"}, {"task": {"length": 7}})
    assert composed["domain"] == "words"
    assert composed["task"] == {"grader": "g", "prompt": "say", "length": 7}
    assert composed["problems"] == {"train": {"size": 2}, "benchmarks": {"a": {"size": 1}, "b": {"size": 2}}}
    assert composed["train"]["tilted"] == {"objective": "tilted", "rate": 1, "steps": 20}


def test_a_model_may_say_itself_what_is_asked_of_it():
    composed = compose({**LAYERS, "model": "own"}, {})
    assert (composed["domain"], composed["task"]["prompt"]) == (None, "mine")
    assert compose({**LAYERS, "model": "own", "domain": "sums"}, {})["task"]["prompt"] == "sum"


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("model", ["tiny", "qwen25_3b"])
def test_every_domain_loads_on_a_model_made_here_and_on_one_of_the_hub(model, domain):
    parameters = loader(model=model, domain=domain)["parameters"]
    assert (parameters["model"], parameters["domain"]) == (model, domain)


def test_cells_of_another_domain_lie_in_a_place_of_their_own():
    """A start model of the hub is the same for every domain; the small one is not made from what it is tested on."""

    def places(**asked) -> list[str]:
        catalog = loader(data="d", **asked)["catalog"]
        names = ("train_problems", "tilted_samples", "tilted_policy", "base_report", "base_policy")
        return [str(Path(catalog[name]["filepath"])).split("/")[2] for name in names]

    assert places(model="qwen25_3b") == ["qwen25_3b"] * 5
    assert places(model="qwen25_3b", domain="math") == ["qwen25_3b"] * 5
    assert places(model="qwen25_3b", domain="chains") == ["qwen25_3b@chains"] * 4 + ["qwen25_3b"]
    assert places(domain="math") == ["tiny@math"] * 5
    assert loader(domain="math", data="d")["parameters"]["workspace"].endswith("d/06_models/tiny@math/workspace")


def test_what_was_made_before_there_were_domains_is_still_found():
    """The identities that manifests hold of it, of which half-trained cells are named too."""
    as_before = {"max_prompt_tokens": None, "evaluation_tokens": None}
    parameters = loader(task=as_before)["parameters"]
    task = {
        "prompt": "{question}",
        "max_completion_tokens": 40,
        "max_prompt_tokens": None,
        "grader": "beyond_sharpening.grading:grade",
    }
    assert identity(parameters, "tilted")["task"] == task
    assert identity(parameters, "tilted_samples")["task"] == task
    assert set(identity(parameters, "problems")["problems"]) == {"train", "validation_size"}
    options = parameters["train"]["tilted"]
    assert unfinished(options, parameters["task"], 0, "w") == unfinished(options, task, 0, "w")


def test_the_length_of_evaluation_is_its_own_and_no_training_depends_on_it():
    shipped, longer = loader()["parameters"], loader(task={"evaluation_tokens": 80})["parameters"]
    assert identity(shipped, "tilted") == identity(longer, "tilted")
    assert differences(identity(shipped, "tilted_samples"), identity(longer, "tilted_samples")) == [
        "task.evaluation_tokens: 64 there, 80 asked"
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"domain": "poetry"}, f"--params: domain = 'poetry': unknown; known: {', '.join(DOMAINS)}"),
        (
            {"models": {"tiny": {"domain": "poetry"}}},
            f"--params: models.tiny.domain = 'poetry': unknown; known: {', '.join(DOMAINS)}",
        ),
        (
            {"domains": {"math": {"prompt": "?"}}, "domain": "math"},
            "--params: domains.math.prompt = '?': unknown key; known: task, problems, training, evaluate",
        ),
        (
            {"domains": {"chains": {"task": {"max_completion_tokens": 0}}}},
            "--params: domains.chains.task.max_completion_tokens = 0: Input should be greater than or equal to 1",
        ),
        (
            {"domains": {"chains": {"problems": {"train": "poems"}}}},
            "--params: domains.chains.problems.train = 'poems': unknown; known: aime_2024",
        ),
        (
            {"domain": "math", "sources": {"math_test": {"split": 3}}},
            "--params: sources.math_test.split = 3: Input should be a valid string",
        ),
        (
            {"problems": {"normaliser": "math:same"}},
            "--params: problems.normaliser = 'math:same': there is no function same in math; give module:function",
        ),
    ],
)
def test_bad_input_of_a_domain_is_named_with_file_key_value_and_what_is_allowed(asked, told):
    assert told in refusal(**asked)


def test_a_system_prompt_is_a_message_of_its_own():
    assert render_messages("1+1=", "{question}") == [{"role": "user", "content": "1+1="}]
    assert render_messages("1+1=", "{question}", "Add.")[0] == {"role": "system", "content": "Add."}


class TestADomainKnowsItsProblems:
    """Golds are checked by its grader, and questions are the same when its normaliser says so."""

    def test_golds_need_only_satisfy_the_grader_that_is_asked_for(self, tmp_path, monkeypatch):
        (tmp_path / "house_grader.py").write_text("def grade(completions, golds, *, workers): return [False]")
        (tmp_path / "strict_grader.py").write_text(
            "def grade(completions, golds, *, workers): return [False]\n"
            "def states_an_answer(gold):\n"
            "    if gold == '$$':\n"
            "        raise ValueError('no money')\n"
            "    return gold != '-'\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        rows = [{"question": str(place), "answer": gold} for place, gold in enumerate(["$$", "-", True, "x"])]
        file = tmp_path / "golds.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)))
        source = {"type": "local", "path": str(file)}
        options = {
            "train": source,
            "validation_size": 1,
            "benchmarks": {"b": {**source, "path": str(self.other(tmp_path))}},
        }

        def golds(grader: str) -> set[str]:
            task = {"prompt": "{question}", "max_completion_tokens": 1, "grader": grader}
            return set(prepare_problems(options, task, 0, "", None, {}, {})["source"]["gold"])

        assert golds("beyond_sharpening.grading:grade") == {"-", "true", "x"}
        assert golds("house_grader:grade") == {"$$", "-", "true", "x"}
        with pytest.raises(BadInput, match=r"golds\.jsonl, line 1: no money"):
            golds("strict_grader:grade")

    @staticmethod
    def other(folder: Path) -> Path:
        file = folder / "other.jsonl"
        file.write_text(json.dumps({"question": "other", "answer": "1"}))
        return file

    def test_a_source_that_is_its_own_benchmark_leaves_nothing_to_train_on(self, tmp_path):
        source = {"type": "local", "path": str(self.other(tmp_path))}
        options = {"train": source, "validation_size": 1, "benchmarks": {"other": source}}
        task = {"prompt": "{question}", "max_completion_tokens": 1, "grader": "beyond_sharpening.grading:grade"}
        with pytest.raises(BadInput, match=r"problems\.train: 1 of its 1 problems stand in a benchmark \(other\)"):
            prepare_problems(options, task, 0, "", None, {}, {})

    def test_what_is_one_question_in_mathematics_may_be_two_in_code(self):
        one, two = (Problem(text, "s", text, "1", "", "train") for text in ("print('A B')", "print('ab')"))
        assert len(drop_overlap([one], [two])[0]) == 0
        assert len(drop_overlap([one], [two], as_written)[0]) == 1

    def test_a_list_of_golds_is_read_as_the_reader_says(self, tmp_path):
        file = tmp_path / "lists.jsonl"
        file.write_text(json.dumps({"question": "a", "answer": ["Paris", "Paname"]}))

        def gold(reader: str) -> str:
            columns = {"gold_reader": reader}
            source = {"type": "local", "path": str(file), "columns": columns}
            return load_problems("s", LocalSource.model_validate(source), seed=0, split="train")[0][0].gold

        assert gold("first_of_list") == "Paris"
        assert gold("any_of_list") == r"\anyof{Paris}{Paname}"
        assert gold("json") == '["Paris", "Paname"]'
        with pytest.raises(ValueError, match=r"neither text nor a number; gold_reader: first_of_list .*any_of_list"):
            gold("verbatim")
