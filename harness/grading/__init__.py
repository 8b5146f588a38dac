"""The grading of rule packs by the truth: comparison, mutation, sweeps over seeds."""
