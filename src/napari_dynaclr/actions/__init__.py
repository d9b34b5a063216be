"""What can be done in the views and by which keys; imports no Qt."""
