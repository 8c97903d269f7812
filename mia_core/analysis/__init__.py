"""What studies are asked beyond their tables: sweeps, interactions, Pareto fronts, stopping earlier instead."""
