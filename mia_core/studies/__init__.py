"""Settings in, tidy table out: which models are trained, who attacks whom, and what the numbers say together.

`base`             what all studies share: data, recipe, combinations of defenses, what is trained and found again
`settings`         the settings of both kinds of study
`study`            targets and shadows over defenses and seeds, and their table; `shadows`: with several shadows;
                   `transfer`: with shadows of other data; `augmented`: asked about altered copies; `sweeps`: over the
                   values of one setting of a defense
`reference_study`  many models on halves of one pool; `queries`: what they are asked; `reference_rows`: their table;
                   `reference_summary`: over targets; `vulnerability`: by example; `privacy`: bounds on epsilon
`early_stopping`, `interactions`, `pareto`  what a table says of defenses: against stopping, together, at what cost
`finding`, `spending`, `searching`  which of all to choose, and what points of accuracy buy
`columns`          what the columns mean; `results`: tables, provenance and text that are left behind;
                   `recorded`: studies that took hours; `paper`: what the report under test printed
"""
