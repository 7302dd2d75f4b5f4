"""Classifiers: an encoder with a head, and a convolutional baseline."""
