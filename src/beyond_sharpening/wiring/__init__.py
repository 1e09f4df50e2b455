"""All that knows Kedro or MLflow and is neither a node nor a pipeline."""
