from beyond_sharpening.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
