"""What may be asked for: every shipped configuration loads, layers go over one another, and bad input is explained."""

import re
from pathlib import Path

import pytest
import yaml

from beyond_sharpening import settings
from beyond_sharpening.cells.identity import identity
from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import OBJECTIVES, Objective
from beyond_sharpening.parameters import Parameters, Training
from beyond_sharpening.parameters.layers import compose
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")

CONF = Path(__file__).resolve().parents[2] / "conf"
ENVIRONMENTS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())
MODELS = sorted(yaml.safe_load((CONF / "base/parameters_models.yml").read_text())["models"])


def load(env: str | None = None, conf: Path = CONF, **asked):
    return ExperimentConfigLoader(conf, env, runtime_params=asked, **settings.CONFIG_LOADER_ARGS)["parameters"]


def refusal(env: str | None = None, conf: Path = CONF, **asked) -> str:
    with pytest.raises(BadInput) as caught:
        load(env, conf, **asked)
    return str(caught.value)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of the shipped base configuration that a test may spoil."""
    for environment in ("base", "local"):
        (tmp_path / "conf" / environment).mkdir(parents=True)
    for file in (CONF / "base").glob("*.yml"):
        (tmp_path / "conf/base" / file.name).write_text(file.read_text())
    return tmp_path / "conf"


@pytest.mark.parametrize(
    ("model", "env"), [*((model, "base") for model in MODELS), *(("qwen25_3b", env) for env in ENVIRONMENTS)]
)
def test_every_shipped_configuration_loads(model, env):
    parameters = load(env, model=model)
    assert parameters["model"] == model
    assert set(parameters["train"]) == set(OBJECTIVES)
    Parameters.model_validate(parameters)  # what a pipeline is given can be read back
    for options in parameters["train"].values():
        assert isinstance(Training.model_validate(options).build_objective(), Objective)


def test_several_values_are_written_with_a_plus_wherever_a_list_is_taken():
    """``--params`` has no lists."""
    decoders = {"sir": {"alpha": "1.5+3.0"}}
    asked = {
        "evaluate": {"checkpoints": "last+best", "decoders": decoders},
        "compare": {"ks": "1+2+8"},
        "problems": {"benchmarks": "chain_sums+chain_long"},
        "training": {"adam_betas": "0.8+0.99", "lora": {"rank": 4, "scale": 8, "targets": "q_proj+v_proj"}},
        "theory": {"objectives": "tilted"},
    }
    parameters = load(**asked)
    assert parameters["evaluate"]["checkpoints"] == ["last", "best"]
    assert {"sir-alpha1.5", "sir-alpha3.0"} <= parameters["evaluate"]["decoders"].keys()
    assert parameters["compare"]["ks"] == [1, 2, 8]
    assert list(parameters["problems"]["benchmarks"]) == ["chain_sums", "chain_long"]
    tilted = parameters["train"]["tilted"]
    assert (tilted["adam_betas"], tilted["lora"]["targets"]) == ([0.8, 0.99], ["q_proj", "v_proj"])
    assert parameters["theory"]["objectives"] == ["tilted"], "one value is a list of one"
    everything = load(training={"lora": {"rank": 4, "scale": 8, "targets": "all-linear"}})
    assert everything["train"]["tilted"]["lora"]["targets"] == "all-linear"
    assert "compare.ks = 'x': Input should be a valid integer" in refusal(compare={"ks": "1+2+x"})


def test_a_path_may_begin_with_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    source = {"type": "local", "path": "~/mine.jsonl"}
    parameters = load(data="~/runs", sources={"mine": source}, problems={"train": "mine"})
    assert parameters["data"] == "/home/ada/runs"
    assert parameters["parts"].startswith("/home/ada/runs/")
    assert parameters["workspace"].startswith("/home/ada/runs/")
    assert parameters["problems"]["train"]["path"] == "/home/ada/mine.jsonl"


def test_the_ladder_of_models_and_the_profiles_are_shipped():
    assert {
        "tiny",
        "smollm2_135m",
        "smollm2_360m",
        "qwen25_05b",
        "qwen3_1_7b",
        "llama32_3b",
        "qwen25_3b",
        "qwen3_4b",
    } <= {*MODELS}
    assert {"base", "laptop", "gpu24", "gpu", "multi_gpu"} <= set(ENVIRONMENTS)


def test_models_inherit_from_one_another_what_they_share():
    llama, qwen = load(model="llama32_3b"), load(model="qwen25_3b")
    assert llama["base"]["path"] != qwen["base"]["path"]
    assert llama["task"] == qwen["task"]
    assert list(llama["problems"]["benchmarks"]) == ["math_test", "math_500", "minerva"]


PAPER = {  # steps, prompts a step, context; the rest is common to all three
    "llama32_3b": (500, 32, 2048),
    "qwen25_3b": (500, 32, 2048),
    "qwen3_4b": (1000, 64, 4096),
}


@pytest.mark.parametrize("model", PAPER)
def test_the_papers_models_train_as_the_paper_does(model):
    """arXiv 2604.16259: the set-up as docs/models.md tells it; the best checkpoint alone is chosen otherwise."""
    parameters = load(model=model)
    steps, prompts, context = PAPER[model]
    for options in (Training.model_validate(block) for block in parameters["train"].values()):
        assert (options.steps, options.epochs, options.prompts_per_step) == (steps, None, prompts)
        assert (options.completions_per_prompt, options.validate_every) == (8, 20)
        assert (options.learning_rate, options.warmup_steps, options.weight_decay) == (1e-6, 50, 0.01)
        assert (options.adam_betas, options.max_grad_norm, options.trl) == ((0.9, 0.999), 1.0, {})
    task = parameters["task"]
    assert (task["context"], task["max_completion_tokens"], task["max_prompt_tokens"]) == (context, None, None)
    instruction, opening = task["prompt"].split("{question}")
    assert "step by step" in instruction
    assert "\\boxed{}" in instruction
    assert opening.strip() == "Let's think step-by-step"
    assert task["system_prompt"] is None
    assert parameters["evaluate"]["checkpoints"] == ["last", "best"]
    assert parameters["evaluate"]["decoders"]["temperature"]["samples"] == 16
    assert parameters["compare"]["ks"] == [1, 2, 4, 8, 16]
    assert len(parameters["base"]["revision"]) == 40, "a commit, not a branch"


def test_the_papers_longer_context_ends_after_one_epoch():
    longer = load(model="qwen3_4b", domain="contests_8k")
    assert (longer["task"]["context"], longer["train"]["tilted"]["epochs"]) == (8192, 1)
    assert longer["train"]["tilted"]["steps"] == 1000


@pytest.mark.parametrize(
    ("epochs", "problems", "steps"), [(None, 40, 1000), (1, 39_815, 622), (2, 39_815, 1000), (1, 63, 0)]
)
def test_a_training_ends_with_its_steps_or_its_epochs_whichever_comes_first(epochs, problems, steps):
    shipped = Training.model_validate(load(model="qwen3_4b", training={"epochs": epochs})["train"]["task_reward"])
    assert shipped.steps_on(problems) == steps


def test_the_block_that_the_documentation_adds_is_a_model(conf):
    text = (CONF.parent / "docs/models.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    (conf / "base/parameters_models_mine.yml").write_text(block)
    parameters = load(conf=conf, model="mine", base={"path": "/models/other"})
    assert parameters["base"]["path"] == "/models/other"
    assert parameters["train"]["tilted"]["steps"] == 200
    assert list(parameters["problems"]["benchmarks"]) == ["math_500"]
    assert "models.mine.task.max_prompt_tokens = 0" in refusal(
        conf=conf, model="mine", models={"mine": {"task": {"max_prompt_tokens": 0}}}
    )


LAYERS = {
    "models": {
        "small": {
            "base": {"steps": 2},
            "problems": {"train": "sums", "benchmarks": ["sums"]},
            "training": {"steps": 20},
        },
        "large": {"base": {"steps": 3}, "problems": {"train": "sums", "benchmarks": ["sums"]}},
    },
    "sources": {"sums": {"size": 5}, "products": {"size": 6}},
    "training": {"steps": 10, "trl": {"use_vllm": False}},
    "train": {"tilted": {"alpha": 4}, "sharpening": None},
    "base": {"steps": 1, "batch": 8},
    "model": "small",
}


def steps(layers: dict, asked: dict | None = None) -> tuple[int, int]:
    train = compose(layers, asked or {})["train"]
    return train["tilted"]["steps"], train["sharpening"]["steps"]


def test_shared_training_gives_way_to_the_model_the_objectives_file_and_the_command_line():
    assert steps({**LAYERS, "model": "large"}) == (10, 10)
    assert steps(LAYERS) == (20, 20)
    own = {**LAYERS, "train": {"tilted": {"steps": 30}, "sharpening": None}}
    assert steps(own) == (30, 20)
    assert steps(own, {"training": {"steps": 40}}) == (40, 40)
    assert steps(own, {"training": {"steps": 40}, "train": {"tilted": {"steps": 50}}}) == (50, 40)


def test_a_models_block_goes_over_the_shared_keys_and_the_command_line_over_both():
    assert compose(LAYERS, {})["base"] == {"steps": 2, "batch": 8}
    assert compose(LAYERS, {"base": {"batch": 9}})["base"] == {"steps": 2, "batch": 9}
    assert compose(LAYERS, {"base": {"steps": 7}})["base"] == {"steps": 7, "batch": 8}


def test_another_benchmark_or_training_set_can_be_asked_for():
    problems = compose(LAYERS, {"problems": {"benchmarks": ["products"], "train": "products"}})["problems"]
    assert problems == {"train": {"size": 6}, "benchmarks": {"products": {"size": 6}}}


def test_blocks_within_a_layer_are_merged_key_by_key():
    train = compose(LAYERS, {"train": {"tilted": {"trl": {"use_liger_kernel": True}}}})["train"]
    assert train["tilted"]["trl"] == {"use_vllm": False, "use_liger_kernel": True}
    assert train["sharpening"]["trl"] == {"use_vllm": False}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"model": "gpt5"}, "model = 'gpt5': unknown; known: any_model, llama32_3b, qwen25_05b, qwen25_3b,"),
        ({"modle": "tiny"}, "modle = 'tiny': unknown key; known: again, base, base_seed, benchmark,"),
        ({"train": {"grpo": {"alpha": 1}}}, "train.grpo = 'grpo': unknown; known: "),
        ({"train": {"tilted": {"alhpa": 4}}}, "train.tilted.alhpa = 4: unknown key; known: adam_betas, alpha, beta,"),
        ({"train": {"tilted": {"alpha": -1}}}, "train.tilted.alpha = -1: Input should be greater than 0"),
        ({"train": {"tempered": {"alpha": 101}}}, "train.tempered.alpha = 101: Input should be less than or equal to"),
        ({"train": {"task_reward": {"alpha": 4}}}, "alpha = 4: task_reward takes no alpha; of its own it takes: no"),
        ({"train": {"tempered": {"beta": 4}}}, "tempered takes no beta; of its own it takes: alpha, normalisation"),
        ({"train": {"null_control": {"normalisation": "mean"}}}, "normalisation = 'mean': null_control takes no norm"),
        ({"train": {"tilted": {"differs": ["steps"]}}}, "train.tilted.differs = is found out, not told: leave it out"),
        ({"train": {"tilted": {"beta": 0}}}, "train.tilted.beta = 0: Input should be greater than 0"),
        ({"train": {"tilted": {"beta": float("inf")}}}, "train.tilted.beta = inf: Input should be a finite number"),
        ({"train": {"tilted": {"normalisation": "none"}}}, "sum, mean or {length_power: w} with a finite w; got"),
        ({"train": {"tilted": {"objective": "sharpening"}}}, "train.tilted.objective = 'sharpening': must be tilted"),
        ({"train": {"tilted": {"trl": {"temperature": 2}}}}, "train.tilted.trl: temperature = 2 would change the"),
        ({"train": {"tilted": {"trl": {"use_vlm": True}}}}, "train.tilted.trl.use_vlm = True: no argument of TRL's"),
        ({"train": {"tilted": 3}}, "train.tilted = 3: must be a block of keys"),
        ({"training": {"completions_per_prompt": 1}}, "training.completions_per_prompt = 1: Input should be greater"),
        ({"hardware": {"train_batch": -3}}, "hardware.train_batch = -3: Input should be greater than or equal to 1"),
        ({"hardware": {"train_batch": 100}}, "hardware.train_batch = 100: must divide the 256 completions of a step"),
        (
            {"model": "../evil", "models": {"../evil": {"base": {"type": "hub", "path": "x"}, "domain": "math"}}},
            "model = '../evil': String should match pattern",
        ),
        ({"hardware": {"device": "tpu"}}, "hardware.device = 'tpu': Input should be 'cpu' or 'cuda'"),
        ({"problems": {"benchmarks": ["chain_eazy"]}}, "problems.benchmarks = 'chain_eazy': unknown; known:"),
        ({"problems": {"benchmarks": 500}}, "problems.benchmarks = 500: must be a list of names"),
        ({"problems": {"train": "math"}}, "problems.train = 'math': unknown; known: aime_2024,"),
        ({"sources": {"chain_sums": {"size": 0}}}, "sources.chain_sums.size = 0: Input should be greater than or"),
        ({"sources": {"chain_train": {"terms": 3}}}, "sources.chain_train.terms = 3: unknown key; known: brackets,"),
        ({"evaluate": {"decoders": {"nucleus": {"type": "top_p"}}}}, "evaluate.decoders.nucleus.top_p: Field required"),
        (
            {"evaluate": {"decoders": {"greedy": {"samples": 4}}}},
            "evaluate.decoders.greedy: has one completion a",
        ),
        ({"evaluate": {"decoders": {"sir": {"alpha": [0]}}}}, "evaluate.decoders.sir-alpha0.alpha = 0: Input should"),
        ({"evaluate": {"decoders": {"sir": {"alpha": []}}}}, "evaluate.decoders.sir.alpha = []: Input should be a"),
        ({"evaluate": {"decoders": {"best_of_n": {"n": 0}}}}, "evaluate.decoders.best_of_n.n = 0: Input should be"),
        ({"evaluate": {"decoders": {"sir": {"alpha": 2, "top_k": 50}}}}, "top_k = 50 would take completions out of"),
        (
            {"evaluate": {"decoders": {"mh": {"type": "power_mh", "alpha": 2, "steps": 1, "blocks": 1000}}}},
            "evaluate.decoders.mh.blocks = 1000: is at most the ",
        ),
        ({"evaluate": {"decoders": {"temperature": {"temperature": 0.7}}}}, "a decoder named temperature, with"),
        ({"compare": {"ks": [1, 32]}}, "compare.ks = [1, 32]: k is at most the 16 samples of"),
        ({"task": {"prompt": "Solve it."}}, "task.prompt = 'Solve it.': must contain {question} exactly once"),
        ({"task": {"grader": "no.such:grader"}}, "task.grader = 'no.such:grader': no.such cannot be imported"),
        ({"task": {"grader": "math:grade"}}, "task.grader = 'math:grade': there is no function grade in math; give"),
        ({"training": {"adam_betas": [0.9, 1]}}, "training.adam_betas = 1: Input should be less than 1"),
        ({"evaluate": {"decoders": {"x": {"type": "mcmc"}}}}, "x.type = 'mcmc': unknown; known: temperature, top_p,"),
        ({"evaluate": {"decoders": {"x": {"n": 4}}}}, "evaluate.decoders.x.type: missing; known: temperature, top_p,"),
        ({"sources": {"chain_sums": {"type": "web"}}}, "sources.chain_sums.type = 'web': unknown; known: generator,"),
        ({"base": {"steps": 0}}, "base.steps = 0: Input should be greater than or equal to 1"),
        ({"base": {"type": "web"}}, "base.type = 'web': unknown; known: tiny, hub"),
        ({"model": "qwen3_4b", "base": {"config": {"model_type": 3}}}, "base.config: must name the architecture"),
        ({"model": "qwen3_4b", "base": {"eos_token_ids": [-1]}}, "base.eos_token_ids = -1: Input should be greater"),
        (
            {"model": "qwen3_4b", "base": {"template_variables": {"enable_thinking": "False"}}},
            "enable_thinking = 'False' is a text, and every text is true in a chat template; give false without quotes",
        ),
        ({"model": "qwen25_3b", "task": {"context": 1}}, "task.context = 1: Input should be greater than or"),
        (
            {"model": "qwen25_3b", "task": {"context": None}},
            "task: give max_completion_tokens, or a context that a prompt and its completion share",
        ),
        ({"training": {"epochs": 0}}, "training.epochs = 0: Input should be greater than or equal to 1"),
        (
            {"hardware": {"device": "cuda", "engine": "paged", "sharding": "zero3"}},
            "hardware: engine = 'paged' cannot gather the shards of sharding = 'zero3'; use sharding = 'fsdp2'",
        ),
        ({"hardware": {"memory_gib": 0}}, "hardware.memory_gib = 0: Input should be greater than 0"),
        ({"dry_run": "perhaps"}, "dry_run = 'perhaps': Input should be False, True or 'probe'"),
        ({"training": {"lora": {"rank": 16}}}, "training.lora.scale: Field required"),
        ({"training": {"lora": {"rank": 0, "scale": 1}}}, "training.lora.rank = 0: Input should be greater than or"),
        ({"training": {"lora": {"rnk": 4, "rank": 4, "scale": 1}}}, "training.lora.rnk = 4: unknown key; known: rank,"),
        ({"training": {"lora": "small"}}, "training.lora = 'small': Input should be a valid dictionary"),
        (
            {"train": {"tilted": {"lora": {"rank": 4, "scale": 4, "targets": "q_prj"}}}},
            "train.tilted.lora.targets = 'q_prj': must be all-linear, or a list of names of linear layers",
        ),
        (
            {"training": {"prompts_per_step": 99999}},
            "training.prompts_per_step = 99999: is at most the 2850 training problems: 3000 of the source but the 150",
        ),
        ({"train_seed": "one"}, "train_seed = 'one': Input should be a valid integer"),
        (
            {"train": {"task_reward": {"samples": "rejection"}}, "hardware": {"engine": "paged"}},
            "train.task_reward.samples = 'rejection': completions of the start model are drawn by hardware.engine =",
        ),
    ],
)  # fmt: skip
def test_bad_input_on_the_command_line_is_named_with_its_value_and_what_is_allowed(asked, told):
    message = refusal(**asked)
    assert message.startswith("invalid parameters, nothing was run:\n")
    (line,) = message.splitlines()[1:]
    assert line.startswith("  --params: ")
    assert told in line


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("base/parameters_train.yml", "train: {tilted: {alpha: -2}}", "train.tilted.alpha = -2: Input should"),
        ("base/parameters_train.yml", "train: {task_reward: {beta: 2}}", "train.task_reward.beta = 2: task_reward"),
        ("base/parameters_training.yml", "training: {step: 3}", "training.step = 3: unknown key; known: adam_betas"),
        ("local/parameters.yml", "models: {tiny: {problems: {train: maths}}}", "models.tiny.problems.train = 'maths':"),
        ("local/parameters.yml", "model: gpt5", "model = 'gpt5': unknown; known: "),
        ("local/parameters.yml", "models: {tiny: {training: {steps: 0}}}", "models.tiny.training.steps = 0: Input"),
        ("local/parameters.yml", "models: {tiny: {base: {batch: 0}}}", "models.tiny.base.batch = 0: Input should be"),
        ("local/parameters.yml", "hardware: {train_batch: -1}", "hardware.train_batch = -1: Input should be greater"),
        ("local/parameters.yml", "training: {lora: {rank: 4}}", "training.lora.scale: Field required"),
        ("local/parameters.yml", "sources: {chain_train: {size: 0}}", "sources.chain_train.size = 0: Input should be"),
        ("local/parameters.yml", r'domains: {chains: {task: {prompt: "{question} \boxed{}"}}}',
         r"domains.chains.task.prompt = '{question} \x08oxed{}': has the control character that \b stands for"),
    ],
)  # fmt: skip
def test_bad_input_in_a_file_is_laid_at_that_files_door(conf, file, text, told):
    (conf / file).write_text(text)
    lines = refusal(conf=conf).splitlines()
    assert any(line.startswith(f"  conf/{file}: {told}") for line in lines), lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: tiny\nhardware: {threads: 1\ntrain_seed: 1", "line 3: not YAML: did not find expected ',' or '}'"),
        ("model: tiny\ntrain_seed: 1: 2", "line 2: not YAML: mapping values are not allowed in this context"),
        ("train_seed: 1\ntrain_seed: 2", "line 2: not YAML: found duplicate key train_seed"),
    ],
)
def test_a_file_that_is_no_yaml_is_named_with_the_line(conf, text, told):
    (conf / "local/parameters.yml").write_text(text)
    (line,) = refusal(conf=conf).splitlines()[1:]
    assert line.startswith(f"  conf/local/parameters.yml, {told}")


def test_a_missing_key_is_named_with_the_file_of_its_block(conf):
    file = conf / "base/parameters_models.yml"
    file.write_text(file.read_text().replace("      guess_error: 0.4\n", ""))
    told = "  conf/base/parameters_models.yml: models.tiny.base.guess_error: Field required"
    assert told in refusal(conf=conf).splitlines()


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{domain: chains}", "models.mine.base = None: missing; where the model comes from"),
        ("{domain: chains, base: }", "models.mine.base = None: missing; where the model comes from"),
        ("{base: {type: hub, path: x}}", "models.mine.domain = None: missing; name one (chains, contests,"),
        ("{domain: chains, base: {type: hub}}", "models.mine.base.path: Field required"),
    ],
)
def test_half_a_block_of_a_model_is_told_what_it_lacks(conf, block, told):
    (conf / "base/parameters_mine.yml").write_text(f"models: {{mine: {block}}}")
    assert f"  conf/base/parameters_mine.yml: {told}" in refusal(conf=conf, model="mine")


def test_all_faults_are_told_at_once_and_each_once():
    message = refusal(train={"tilted": {"alpha": -1}, "tempered": {"alpha": 0}}, training={"steps": 0})
    assert len(message.splitlines()) == 1 + 3


class TestCopiesOfTheHub:
    """One parameter reads every hub source from files, and what is missing is told before anything runs."""

    def test_the_files_that_are_there_are_accepted_and_do_not_change_what_is_asked_for(self, tmp_path):
        for file in ("deepscaler_sample_1209.jsonl", "aime_2024.jsonl", "aime25_mathai.jsonl"):
            (tmp_path / file).touch()
        from_copies = load(model="qwen3_4b", benchmark_files=str(tmp_path))
        from_hub = load(model="qwen3_4b")
        assert from_copies["benchmark_files"] == str(tmp_path)
        assert identity(from_copies, "tilted_samples") == identity(from_hub, "tilted_samples")

    def test_a_missing_file_is_named_with_its_source_and_the_folder(self, tmp_path):
        (tmp_path / "deepscaler_sample_1209.jsonl").touch()
        told = refusal(model="qwen3_4b", benchmark_files=str(tmp_path))
        assert "sources.aime_2024.file = 'aime_2024.jsonl': there is no such file in " + str(tmp_path) in told
        assert "set benchmark_files to null" in told

    def test_a_source_without_a_copy_is_named(self, tmp_path):
        told = refusal(model="qwen3_4b", benchmark_files=str(tmp_path), sources={"deepscaler": {"file": None}})
        assert "sources.deepscaler.file = None" in told
        assert "no copy of agentica-org/DeepScaleR-Preview-Dataset is named" in told

    def test_a_model_trained_on_generated_problems_needs_none(self, tmp_path):
        assert load(model="tiny", benchmark_files=str(tmp_path))["model"] == "tiny"


def test_an_unknown_environment_is_told_the_known_ones():
    assert refusal("cluster") == f"--env=cluster: there is no folder conf/cluster; known: {', '.join(ENVIRONMENTS)}"


@pytest.mark.parametrize("argument", ["beta", "num_iterations", "steps_per_generation", "mask_truncated_completions"])
def test_no_argument_that_the_estimator_rests_on_is_free(argument):
    assert f"train.tilted.trl: {argument} = 1 would change" in refusal(train={"tilted": {"trl": {argument: 1}}})


@pytest.mark.parametrize(
    ("options", "variant"),
    [
        ({"objective": "task_reward"}, "default"),
        ({"objective": "sharpening", "alpha": 1}, "alpha1"),
        ({"objective": "tempered", "alpha": 1.25, "normalisation": "mean"}, "alpha1.25-mean"),
        ({"objective": "tilted", "alpha": 2, "beta": 10000}, "alpha2-beta10000"),
        ({"objective": "tilted", "normalisation": {"length_power": 0.5}}, "alpha2-beta100-length_power0.5"),
        ({"objective": "null_control", "fixed_length": True}, "fixed_length"),
    ],
)
def test_a_cell_is_named_by_what_sets_it_apart(options, variant):
    shipped = Training.model_validate(load()["train"]["task_reward"])
    assert Training.model_validate({**shipped.model_dump(), **options}).naming() == variant


def names(**asked) -> dict[str, str]:
    return {name: Training.model_validate(block).naming() for name, block in load(**asked)["train"].items()}


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ({"learning_rate": 1e-5}, "learning_rate1e-05"),
        ({"learning_rate": 1e-4, "steps": 200}, ""),  # the model's own, said again
        ({"steps": 50, "reward_scale": 10}, "reward_scale10-steps50"),
        ({"epochs": 2}, "epochs2"),
        ({"lora": {"rank": 8, "scale": 16}}, "lora8-lora.scale16"),
        ({"lora": {"rank": 8, "scale": 16, "targets": "all-linear"}}, "lora8-lora.scale16"),
        ({"trl": {"optim": "sgd"}}, "trl.optim_sgd"),
        ({"fixed_length": True, "max_grad_norm": 0.5}, "fixed_length-max_grad_norm0.5"),
        ({"checkpoint_every": 7}, ""),  # changes nothing of what is made
    ],
)
def test_what_is_not_the_models_default_names_a_cell_of_its_own(training, told):
    found = names(training=training)
    assert found["tilted"] == "-".join(filter(None, ["alpha2-beta100", told]))
    assert found["task_reward"] == (told or "default")


def test_a_name_that_would_grow_too_long_or_cannot_be_a_folders_ends_in_a_hash():
    long = {"learning_rate": 3e-6, "steps": 77, "weight_decay": 0.5, "validate_every": 7, "completions_per_prompt": 4}
    found = [names(training={**long, "steps": steps})["tilted"] for steps in (77, 78, 77)]
    assert found[0] == found[2] != found[1]
    assert all(re.fullmatch("alpha2-beta100-[0-9a-f]{8}", name) for name in found)
    listed, path = {"adam_betas": [0.9, 0.99]}, {"trl": {"optim": "a/b"}}
    assert all(re.fullmatch("[0-9a-f]{8}", names(training=odd)["task_reward"]) for odd in (listed, path))


def test_what_a_file_says_is_the_default_of_its_model(conf):
    (conf / "local/parameters.yml").write_text("models: {tiny: {training: {steps: 9, lora: {rank: 2, scale: 4}}}}")
    assert names(conf=conf)["tempered"] == "alpha2-lora2"
    assert names(conf=conf, training={"steps": 200})["tempered"] == "alpha2-lora2-steps200"
    assert names(conf=conf, training={"lora": None})["tempered"] == "alpha2-no_lora"


def test_what_all_objectives_share_reaches_those_that_take_it():
    """Task reward would else be trained a second time under another name, with nothing changed."""
    asked, plain = load(training={"normalisation": "mean", "alpha": 4}), load()
    for name, row in OBJECTIVES.items():
        changed = {key for key, value in asked["train"][name].items() if plain["train"][name][key] != value}
        assert changed - {"differs"} == {"alpha", "normalisation"} & {*row.takes}
    assert names(training={"normalisation": "mean"})["task_reward"] == "default"
    assert names(training={"normalisation": "mean"})["tempered"] == "alpha2-mean"


def test_the_catalog_has_the_same_entries_for_every_objective():
    loader = ExperimentConfigLoader(CONF, runtime_params={"train_seed": 3}, **settings.CONFIG_LOADER_ARGS)
    catalog = loader["catalog"]
    assert catalog["tilted_policy"]["filepath"] == "data/06_models/tiny/tilted/alpha2-beta100/seed-3/last"
    kinds = ("policy", "best_policy", "history", "manifest", "samples", "samples_manifest")
    assert {f"{name}_{kind}" for name in OBJECTIVES for kind in kinds} <= set(catalog)
    assert not [name for name in catalog if "{objective}" in name]


def test_a_key_in_two_files_and_a_file_that_is_no_utf8_are_told_in_a_line(conf):
    (conf / "base/parameters_own.yml").write_text("train_seed: 1")
    told = refusal(conf=conf)
    assert "conf/base/parameters_own.yml" in told
    assert told.endswith("train_seed: a key may stand in only one file of a folder; remove one of the two")
    (conf / "base/parameters_own.yml").write_bytes("data: ü".encode("utf-16"))
    assert refusal(conf=conf).endswith("\n  conf/base/parameters_own.yml is no text in UTF-8: save it as such")
