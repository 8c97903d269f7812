"""Trained models on disk, found again by what shaped them, and the trainings that put them there.

identity.py   the hash of all that shapes a model: data, recipe, defenses, seed and code
runs.py       the store: one verified file per run, locks against training one twice
faster.py     the one place where `mia_core.fast` attaches
precision.py  device and precision of a recipe on this machine; machine.py tells what the machine has
trainings.py  trains what the store lacks, several models at a time; cluster.py sends that to other machines
"""
