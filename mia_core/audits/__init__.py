"""Attacks on outputs that a reader has saved, as reports: plain dicts that strict JSON can hold.

one_shadow   two files, a shadow's and a target's
many_models  one file of several models, each attacked with the others as references
scores       scores that any attack has saved; every measure of scores, with intervals and reasons
models_file  reads and checks the file of several models
text         a report in lines of plain text
"""
