"""Arithmetic of the stages: one file a stage, `step` (one sample) and `run` (a block)."""
