"""State of the plugin that can be watched; no Qt, no napari."""
