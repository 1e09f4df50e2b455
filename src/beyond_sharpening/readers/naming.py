"""What a policy and a benchmark are called where the files do not say: by what tells their paths apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from beyond_sharpening.readers.files import File

Parts = Sequence[tuple[File, pd.DataFrame]]


def name_policies(parts: Parts) -> None:
    """Give every row a ``policy``: the one said on the command line, else the file's own, else by its path.

    A name has no slash, which tells a decoder: ``Qwen/Qwen2.5-7B`` is ``Qwen2.5-7B`` where that is no other's.
    """
    nameless = [(file, frame) for file, frame in parts if "policy" not in frame and file.policy is None]
    by_path = dict(zip([file.path for file, _ in nameless], _by_path([file.path for file, _ in nameless]), strict=True))
    for file, frame in parts:
        if file.policy is not None:
            frame["policy"] = file.policy
        elif "policy" not in frame:
            frame["policy"] = by_path[file.path]
    short = _short({str(name) for _, frame in parts for name in frame["policy"].unique()})
    for _, frame in parts:
        frame["policy"] = frame["policy"].map(short)


def name_benchmarks(parts: Parts) -> None:
    """Give every row a ``benchmark``: the file's own; else, where every folder has the same files, the file's name."""
    nameless = [(file, frame) for file, frame in parts if "benchmark" not in frame]
    folders: dict[str, set[str]] = {}
    for file, frame in nameless:
        for policy in frame["policy"].unique():
            folders.setdefault(policy, set()).add(file.path.stem)
    same_names = len({frozenset(stems) for stems in folders.values()}) == 1
    for file, frame in nameless:
        several = same_names and len(folders) > 1 and len(folders[frame["policy"].iloc[0]]) > 1
        frame["benchmark"] = file.path.stem if several else "problems"


def _by_path(paths: Sequence[Path]) -> list[str]:
    """The part of each path that tells it from the others; of one path alone, the file's name."""
    parts = [(*path.absolute().parent.parts, path.stem) for path in paths]
    if len(paths) < 2:
        return [names[-1] for names in parts]
    common = next((i for i, names in enumerate(zip(*parts, strict=False)) if len(set(names)) > 1), 0)
    return [names[common] for names in parts]


def _short(names: set[str]) -> dict[str, str]:
    """Names without slashes, the last component where that is one policy's only."""
    last = [name.rstrip("/").rsplit("/", 1)[-1] for name in names]
    return {
        name: tail
        if last.count(tail := name.rstrip("/").rsplit("/", 1)[-1]) == 1
        else name.strip("/").replace("/", "__")
        for name in names
    }
