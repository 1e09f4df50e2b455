from beyond_sharpening.pipelines.benchmark.pipeline import create_pipeline

__all__ = ["create_pipeline"]
