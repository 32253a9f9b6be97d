"""Session folders on disk: raw files in, tables out, imports. Each module is imported by its own name."""

__all__: list[str] = []
