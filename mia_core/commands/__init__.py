"""What the commands that attack saved outputs print and write, and the commands too long for `mia_core.cli`."""
