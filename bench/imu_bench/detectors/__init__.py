"""Detectors that come along: ours, textbook baselines, and planted bad ones that the benchmark has to catch."""
