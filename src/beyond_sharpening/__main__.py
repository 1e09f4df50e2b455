"""``python -m beyond_sharpening``: Kedro's command line, where ``kedro`` is not on the path."""

from kedro.framework.cli.cli import main

main()
