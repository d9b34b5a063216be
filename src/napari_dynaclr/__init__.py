"""napari plugin of dynaclr: see what training will see; knows nothing of Lightning."""
