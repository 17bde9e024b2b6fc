"""The steps of the pipeline: each takes a workspace and leaves an artefact. The only place that knows torch."""
