"""MATLAB files in and out."""
