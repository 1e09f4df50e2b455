"""One of a training's processes: ``python -m beyond_sharpening.training.worker JOB``, under torch's launcher."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import record


@record
def main(file: str) -> None:
    """Train; only the first process shows its progress."""
    if os.environ["RANK"] != "0":
        os.environ["TQDM_DISABLE"] = "1"
    from beyond_sharpening.training.process import train_here

    train_here(pickle.loads(Path(file).read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1])
