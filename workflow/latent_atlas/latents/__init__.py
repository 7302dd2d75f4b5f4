"""Codes of images under a fixed decoder."""
