"""A grid of cells as jobs: each a ``kedro run`` of its own, on this machine or on a SLURM cluster."""
