"""What the views say, in words; imports no Qt."""
