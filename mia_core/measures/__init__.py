"""From scores to judgements: how well members are told apart, how sure that is, and what it means.

`ranking`    scores in blocks of ties; `metrics`: ROC, AUC, TPR at low FPR, accuracies from them
`intervals`  over seeds, over examples, of a single proportion; `paired`: tests of differences over the same seeds
`counts`     the standard error that the examples give a value; `examples`: every measure's interval for one model
`claims`     claims with thresholds, and the verdicts on them
`risk`       what rates mean for people; `epsilon`: lower bounds on the epsilon of differential privacy
`text`       numbers and names of measures in words
"""
