"""Evaluation: metrics, intervals, predictions that use the test images, and the latent space."""
