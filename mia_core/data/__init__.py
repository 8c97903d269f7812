"""Data sets: one file for each source, the splits that say which model trains on what, and canaries."""
