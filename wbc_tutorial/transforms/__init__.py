"""What is done to images before a network sees them: normalisation and augmentation in physical terms."""
