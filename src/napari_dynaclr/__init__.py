"""napari plugin of dynaclr: see what training will see."""
