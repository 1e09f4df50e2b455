from beyond_sharpening.pipelines.validate_statistics.pipeline import create_pipeline

__all__ = ["create_pipeline"]
