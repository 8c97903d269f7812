"""The target models as a textbook has them: two networks, the loop that trains them, and the settings of both.

Read `cnn`, `network`, `build`, `recipe`, `step`, then `train`. Nothing here knows of defenses by name, stores or
attacks, and nothing is written for speed: what is faster replaces `step.Step` and `cnn.CNN.block` from outside
(`mia_core.fast`).
"""
