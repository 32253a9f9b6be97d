"""How like real walking is simulated walking?"""
