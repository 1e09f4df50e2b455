"""Where the benchmark and grading files are that audits read; they are not part of the project."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("BEYOND_SHARPENING_SHARED", ROOT.parent / "shared"))
