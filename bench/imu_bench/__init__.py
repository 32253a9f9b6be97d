"""Contact detectors measured against known truth. Today: how fast it all is, and how near the truth."""
