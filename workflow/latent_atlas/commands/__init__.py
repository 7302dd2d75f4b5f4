"""Commands beside the pipeline, by what they are about."""
