"""Handwritten digits: data, and Fréchet distances between features of images."""
