from beyond_sharpening.pipelines.score.pipeline import create_pipeline

__all__ = ["create_pipeline"]
