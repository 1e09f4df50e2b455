"""What made a result: identities change with what determines it, and a result made otherwise stops a run."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from beyond_sharpening import settings
from beyond_sharpening.cells.identity import commit, differences, differing, identity, manifest
from beyond_sharpening.errors import BadInput
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader
from beyond_sharpening.wiring.manifests import GUARDED

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("problems", "benchmarks", "base", "tilted", "tempered", "base_samples", "tilted_samples")

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")


def load(**asked):
    return ExperimentConfigLoader(ROOT / "conf", runtime_params=asked, **settings.CONFIG_LOADER_ARGS)["parameters"]


@pytest.fixture(scope="module")
def tiny():
    return load()


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("train_seed", 1, {"tilted", "tempered", "tilted_samples"}),
        ("sample_seed", 1, {"base_samples", "tilted_samples"}),
        ("base_seed", 1, {"base", "tilted", "tempered", "base_samples", "tilted_samples"}),
        ("data_seed", 1, set(STAGES)),
        ("train.tilted.alpha", 4, {"tilted", "tilted_samples"}),
        ("train.tilted.steps", 4, {"tilted", "tilted_samples"}),
        ("task.max_completion_tokens", 41, {"tilted", "tempered", "base_samples", "tilted_samples"}),
        ("evaluate.decoders.temperature.samples", 17, {"base_samples", "tilted_samples"}),
        ("problems.benchmarks.chain_long.size", 100, {"benchmarks", "base_samples", "tilted_samples"}),
        ("problems.train.size", 100, {*STAGES} - {"benchmarks"}),
        ("base.steps", 3, {"base", "tilted", "tempered", "base_samples", "tilted_samples"}),
        ("compare.ks", [1], set()),
        ("data", "elsewhere", set()),
        ("hardware.device", "cuda", set()),
        ("hardware.dtype", "bfloat16", set()),
        ("hardware.train_batch", 1, set()),
    ],
)
def test_an_identity_changes_with_what_determines_the_result_and_with_nothing_else(tiny, key, value, changed):
    asked, (*path, last) = deepcopy(tiny), key.split(".")
    block = asked
    for part in path:
        block = block[part]
    assert block[last] != value
    block[last] = value
    assert {stage for stage in STAGES if identity(asked, stage) != identity(tiny, stage)} == changed


def test_a_manifest_from_before_a_parameter_was_there_or_was_refused_is_still_of_the_same_cell(tiny):
    """Earlier ones tell what an objective ignores, and how often states are kept; and lack what came since."""
    asked = identity(tiny, "task_reward_samples")
    earlier = deepcopy(asked)
    earlier["train"]["task_reward"] |= {"alpha": 2.0, "beta": 100.0, "normalisation": "sum", "checkpoint_every": 50}
    del earlier["train"]["task_reward"]["reward_scale"]
    assert differing(earlier, asked) == []
    earlier["train"]["task_reward"]["steps"] = 3
    assert differing(earlier, asked) == ["train.task_reward.steps: 3 there, 200 asked"]
    assert differing(identity(tiny, "base"), identity(tiny, "base")) == []


def test_an_earlier_manifest_that_tells_of_benchmarks_is_of_the_same_training(tiny):
    asked = identity(tiny, "tilted")
    earlier = deepcopy(asked)
    earlier["problems"]["benchmarks"] = {"chain_sums": {"size": 3}}
    earlier["files"] = {**asked["files"], "own": "a digest"}
    assert differing(earlier, asked) == []
    earlier["problems"]["validation_size"] = 1
    assert [line.partition(":")[0] for line in differing(earlier, asked)] == ["problems.validation_size"]


def test_a_cell_whose_anchor_was_normalised_too_is_another(tiny):
    mean = load(train={name: {"normalisation": "mean"} for name in ("sharpening", "tempered", "tilted")})
    for name, told in (("sharpening", []), ("tempered", ["normalises"]), ("tilted", ["normalises"])):
        earlier = {key: value for key, value in identity(mean, name).items() if key != "normalises"}
        assert [line.partition(":")[0] for line in differing(earlier, identity(mean, name))] == told
    assert "normalises" not in identity(tiny, "tilted")


def test_an_edited_file_is_another_source(tiny, tmp_path):
    """Its name is the same, and so are the parameters."""
    file, asked = tmp_path / "problems.jsonl", deepcopy(tiny)
    asked["problems"]["train"] = {"type": "local", "path": str(file)}
    identities = []
    for content in ("one", "one", "two"):
        file.write_text(content)
        identities.append(identity(asked, "problems"))
    assert identities[0] == identities[1] != identities[2]
    assert set(identities[0]["files"]) == {"train"}


def test_a_model_from_the_hub_depends_on_no_seed_and_no_problems():
    first, other = load(model="qwen3_4b"), load(model="qwen3_4b", base_seed=1, data_seed=1)
    assert identity(first, "base") == identity(other, "base")


def test_identities_survive_the_disk(tiny):
    for stage in set(GUARDED.values()):
        assert json.loads(json.dumps(identity(tiny, stage))) == identity(tiny, stage)


def test_differences_are_named_by_key_with_both_values():
    found = {"a": 1, "b": {"c": 2, "d": [3]}, "gone": 5}
    asked = {"a": 1, "b": {"c": 4, "d": [3]}, "new": None}
    assert differences(found, asked) == [
        "b.c: 2 there, 4 asked",
        "gone: 5 there, 'absent' asked",
        "new: 'absent' there, None asked",
    ]
    assert differences(found, deepcopy(found)) == []


def test_a_manifest_also_says_with_what_and_when(tiny):
    written = manifest(tiny, "tilted", ROOT)
    assert written["identity"] == identity(tiny, "tilted")
    assert set(written) == {"identity", "hardware", "commit", "versions", "created"}
    assert {"python", "torch", "transformers", "trl"} <= set(written["versions"])


def test_outside_a_checkout_the_commit_is_unknown(tmp_path):
    assert commit(tmp_path) == "unknown"


def test_a_cell_made_with_other_parameters_stops_the_run_before_anything_is_made(tmp_path, tiny):
    bootstrap_project(ROOT)
    found = deepcopy(identity(tiny, "tilted"))
    place = tmp_path / "06_models/tiny/tilted/alpha2-beta100/seed-0"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(json.dumps({"identity": found}))
    (place / "history.parquet").write_text("the work of a day")
    with (
        KedroSession.create(ROOT, env="test", runtime_params={"data": str(tmp_path)}) as session,
        pytest.raises(BadInput) as caught,
    ):
        session.run(pipeline_names=["train_tilted"], only_missing_outputs=True)
    message = str(caught.value)
    assert message.startswith(f"{place} holds results made with other parameters than asked for:\n")
    assert "\n  train.tilted.steps: 200 there, 3 asked\n" in message
    assert "\n  base.architecture.hidden_size: 64 there, 16 asked\n" in message
    assert "or make it anew in its place, with what was made of it: --again=train+evaluate." in message
    assert message.endswith("What of a training is asked for by --params gives it a folder of its own.")
    made = [path for path in tmp_path.rglob("*") if path.is_file() and "mlflow" not in path.name]
    assert sorted(path.name for path in made) == ["history.parquet", "manifest.json"]
    assert (place / "history.parquet").read_text() == "the work of a day"
