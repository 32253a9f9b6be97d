"""Live: what comes in over the air is recorded, analysed and shown while it happens."""
