"""The page of a sitting: what the desk says, to every browser that looks on, and what they ask of it."""
