"""Experiments: benchmark x method x recipe x fold x seed, kept in a results store and put into tables."""
