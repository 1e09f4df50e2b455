"""train_*: one template for every objective."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.train import nodes


def create_pipeline(objective: str) -> Pipeline:
    """The training of one objective; only its parameters differ from another's."""
    shared = {"params:task", "params:hardware", "params:train_seed", "params:workspace"}
    template = Pipeline(
        [
            Node(
                nodes.train_objective,
                {
                    "base": "base_policy",
                    "train_problems": "train_problems",
                    "validation_problems": "validation_problems",
                    "options": "params:options",
                    **{name.removeprefix("params:"): name for name in sorted(shared)},
                },
                ["history", "best_policy", "policy"],
                name="train",
            )
        ]
    )
    return Pipeline(
        template,
        namespace=f"train_{objective}",
        inputs={"base_policy", "train_problems", "validation_problems"},
        outputs={
            "policy": f"{objective}_policy",
            "best_policy": f"{objective}_best_policy",
            "history": f"{objective}_history",
        },
        parameters={"params:options": f"params:train.{objective}", **{name: name for name in shared}},
        tags=["train", objective],
    )
