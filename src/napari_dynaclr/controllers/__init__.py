"""What reacts to the state, asks dynaclr, and hands results to views."""
