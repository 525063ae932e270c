"""What students see and touch: figures, widgets, exercises and the check of the setup."""
