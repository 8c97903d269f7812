"""Optional: the same trainings in less time. Without this folder, or without Numba, all else works and gives the same.

step.py     a training step with PyTorch's fused Adam and the compiled block; `mia_core.store.faster` attaches it
block/      the CNN's block as compiled loops, one file for each form that pays somewhere (needs Numba)
stacked.py  many models at once on an accelerator
"""
