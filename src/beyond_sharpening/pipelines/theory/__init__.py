from beyond_sharpening.pipelines.theory.pipeline import create_pipeline

__all__ = ["create_pipeline"]
