"""Whose figures may be told."""

SOURCES = ("ipol", "gaitmap", "bandai", "cmu", "grouvel")
"""Recordings on which aggregate figures may be published."""
