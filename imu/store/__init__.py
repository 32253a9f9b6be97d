"""Session folders on disk: raw files in, tables out, imports. Import each module by its own name."""
