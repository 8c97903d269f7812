"""The command line `mia`: one file for each command, which reads its options, calls a room below and shows the answer.

No logic lives here. Heavy modules are imported inside the commands, so that `mia --help` answers at once.
"""
