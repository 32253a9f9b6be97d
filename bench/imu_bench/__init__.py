"""Contact detectors measured against known truth. Nothing is here yet."""
