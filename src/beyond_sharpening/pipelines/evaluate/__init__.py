from beyond_sharpening.pipelines.evaluate.pipeline import (
    create_base_pipeline,
    create_gathering_pipeline,
    create_policy_pipeline,
)

__all__ = ["create_base_pipeline", "create_gathering_pipeline", "create_policy_pipeline"]
