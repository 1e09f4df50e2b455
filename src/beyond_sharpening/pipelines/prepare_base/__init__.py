from beyond_sharpening.pipelines.prepare_base.pipeline import create_pipeline

__all__ = ["create_pipeline"]
