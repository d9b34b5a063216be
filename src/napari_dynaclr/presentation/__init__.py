"""State and results as napari-shaped and plot-shaped plain data, and as texts; imports no Qt."""

__all__ = (
    "batch_name",
    "batch_tiles",
    "colors",
    "curation_text",
    "display",
    "images",
    "import_layers",
    "import_text",
    "layer_axes",
    "layers",
    "lineage_layout",
    "mark_list",
    "pair_text",
    "positives",
    "raster",
    "recording",
    "recording_text",
    "thumbnails",
    "training_text",
)
