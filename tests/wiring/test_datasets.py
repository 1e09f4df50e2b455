"""A policy folder as a data set: there whole or not at all; and partitions that may be none."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from kedro.io import DatasetError
from transformers import AutoModelForCausalLM, AutoTokenizer

from beyond_sharpening.models.policy import Policy, eos_token_ids, save_policy
from beyond_sharpening.models.tiny import build_tokenizer
from beyond_sharpening.wiring.datasets import OptionalPartitions, PolicyDataset
from decoding.tiny_models import FAMILIES, tiny_model


@pytest.fixture
def made(tmp_path: Path) -> Policy:
    return save_policy(tiny_model(), build_tokenizer(), tmp_path / "workspace" / "last")


@pytest.fixture
def dataset(tmp_path: Path) -> PolicyDataset:
    return PolicyDataset(filepath=str(tmp_path / "models" / "cell" / "last"))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_saved_policy_loads_with_transformers_alone(tmp_path, family, tied):
    model = tiny_model(family, tied=tied)
    save_policy(model, build_tokenizer(), tmp_path)
    assert list(tmp_path.glob("*.safetensors"))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, loaded.state_dict()[name]), name
    question = [{"role": "user", "content": "8+5-3="}]
    assert AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(question, tokenize=False) == "8+5-3="


def test_saving_takes_the_folder_over_and_loading_reads_no_weights(dataset, made):
    assert not dataset.exists()
    dataset.save(made)
    assert dataset.exists()
    assert not made.path.parent.exists(), "the emptied workspace goes too"
    assert dataset.load() == Policy(dataset._filepath)


def test_a_policy_has_its_type_its_device_and_evaluation_mode(made):
    model = made.model(dtype="bfloat16")
    assert model.dtype == torch.bfloat16
    assert not model.training
    assert made.tokenizer().padding_side == "left"


def test_saving_again_replaces_all_of_the_folder(dataset, made, tmp_path):
    stale = Path(dataset._filepath)
    stale.mkdir(parents=True)
    (stale / "model-00001-of-00002.safetensors").write_text("of another policy")
    dataset.save(made)
    assert not (dataset.load().path / "model-00001-of-00002.safetensors").exists()
    assert dataset.load().model().num_parameters() == tiny_model().num_parameters()


@pytest.mark.parametrize("earlier", [True, False], ids=["over an earlier one", "anew"])
def test_an_interrupted_save_leaves_what_was_there(dataset, made, monkeypatch, earlier):
    """The move can cross file systems: cut off in its middle, it must not look like a policy."""
    if earlier:
        shutil.copytree(made.path, dataset._filepath)
    config = (made.path / "config.json").read_text()

    def torn(source, target):
        Path(target).mkdir(parents=True)
        shutil.copy(Path(source) / "config.json", target)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "move", torn)
    with pytest.raises(KeyboardInterrupt):
        dataset.save(made)
    assert dataset.exists() == earlier
    if earlier:
        assert (dataset.load().path / "config.json").read_text() == config
        assert dataset.load().model()
    monkeypatch.undo()
    dataset.save(made)
    assert dataset.load().model()


def test_saving_a_policy_in_its_own_place_keeps_it(dataset, made):
    dataset.save(made)
    dataset.save(dataset.load())
    assert dataset.load().model()


def test_there_is_nothing_to_save_without_a_folder(dataset, tmp_path):
    with pytest.raises(DatasetError, match="is not a folder: there is no policy to save"):
        dataset.save(Policy(tmp_path / "nowhere"))


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path} holds no saved model \(config.json is missing\)"):
        Policy(tmp_path).model()


def test_every_eos_of_the_model_and_the_tokenizer_counts():
    model, tokenizer = tiny_model(), build_tokenizer()
    assert tokenizer.eos_token_id == 1
    model.generation_config.eos_token_id = [5, 7]
    assert eos_token_ids(model, tokenizer) == [1, 5, 7]
    model.generation_config.eos_token_id = 1
    assert eos_token_ids(model, tokenizer) == [1]
    tokenizer.eos_token = model.generation_config.eos_token_id = None
    with pytest.raises(ValueError, match=r"declares no EOS token .* could never end"):
        eos_token_ids(model, tokenizer)


def test_no_partition_yet_is_an_empty_mapping(tmp_path):
    partitions = OptionalPartitions(
        path=str(tmp_path), dataset="pandas.ParquetDataset", filename_suffix="/samples.parquet"
    )
    assert partitions.load() == {}
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "manifest.json").write_text("{}")
    partitions.release()
    assert partitions.load() == {}
    pd.DataFrame({"n": [1]}).to_parquet(tmp_path / "base" / "samples.parquet")
    partitions.release()
    assert {name: load()["n"].tolist() for name, load in partitions.load().items()} == {"base": [1]}
