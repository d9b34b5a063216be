"""Run folders: the one place that writes and reads them. Modules that a viewer needs load no torch."""
