"""Qt widgets; they show and ask, and hold no logic of dynaclr."""
