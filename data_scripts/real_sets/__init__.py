"""The machinery behind download.py and prepare.py: from a published archive to a prepared set."""
