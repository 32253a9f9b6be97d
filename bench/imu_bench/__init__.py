"""Contact detectors measured against known truth. Today: how fast it all is."""
