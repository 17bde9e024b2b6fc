"""The visible things, one module each. None of them knows an engine."""
