"""The command line: Lightning's for fit, validate and predict, the project's own verbs beside it."""
