"""A campaign of faults: commands are killed, run side by side and given damaged files, and must lose nothing.

It is no part of `make test`, as it takes the better part of an hour. From the top of the checkout:

    PYTHONPATH=tests python -m campaign [PART ...] [--seed 0] [--count N] [--out FILE] [--record]

Every case is drawn from the seed, runs in a folder and a cache of its own, and becomes one line of JSON in the file;
cases that the file holds already are not run again. Linux only, since processes are found under /proc.
"""
