"""Colours, contrast and pictures from plain arrays; imports no Qt."""
