"""Detectors of others, run as they are, each in an environment and a process of its own."""
