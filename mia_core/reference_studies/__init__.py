"""Studies with reference models: their settings, trainings, attacks, tables, and the command."""
