"""Training: the loop, its batches, the alignment modules with their state, and the re-trained classifier."""
