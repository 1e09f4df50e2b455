from beyond_sharpening.pipelines.judge.pipeline import NEEDED, create_pipeline

__all__ = ["NEEDED", "create_pipeline"]
