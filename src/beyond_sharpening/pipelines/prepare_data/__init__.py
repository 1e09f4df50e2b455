from beyond_sharpening.pipelines.prepare_data.pipeline import create_pipeline

__all__ = ["create_pipeline"]
