"""Handwritten digits: data, a variational autoencoder, and features for Fréchet distances.

The modules `autoencoder` and `classifier` need torch; importing this package does not.
"""
