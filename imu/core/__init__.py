"""The nouns: sensors, samples, sessions, tables, units, errors."""
