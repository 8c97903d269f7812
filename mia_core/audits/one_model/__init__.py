"""One trained model, its training data and held-out data: does it leak, how surely, and whom?

Nothing here needs a shadow model. `ask` gets posteriors from any model, `attacks` and `qmia` score each example by a
model that was fitted on others, `best` corrects for having tried several attacks, `validity` looks for what makes an
audit lie, and `clones` trains reference models where a way to train is given. `audit` puts them together.
"""
