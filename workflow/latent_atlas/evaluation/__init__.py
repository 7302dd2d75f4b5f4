"""Measurements: plain functions of data, codes and a random stream."""
