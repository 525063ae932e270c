"""The data: classes, laboratories, images with their labels, folds, and the simulator; the ground floor."""
