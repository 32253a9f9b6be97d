"""Stages: parameters in units and a small stateful object over each kernel."""
