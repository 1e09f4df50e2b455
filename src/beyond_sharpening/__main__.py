"""``python -m beyond_sharpening``: Kedro's command line in a checkout, and this project's commands anywhere else."""

import os
from pathlib import Path


def main() -> None:
    """Run the command line."""
    from beyond_sharpening.wiring.packaged import CONF, in_checkout

    if in_checkout():
        from kedro.framework.cli.cli import main as kedro

        return kedro()
    if not Path("conf/logging.yml").is_file():
        os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(CONF / "logging.yml"))
    from kedro.framework.project import configure_project

    from beyond_sharpening.wiring.quiet import quieten

    quieten()
    configure_project("beyond_sharpening")
    from beyond_sharpening.cli import cli

    return cli(prog_name="python -m beyond_sharpening")


if __name__ == "__main__":
    main()
