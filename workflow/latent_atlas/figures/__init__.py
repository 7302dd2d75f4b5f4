"""Figures: files in, one picture out; no torch."""
