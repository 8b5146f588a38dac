"""Conditions: wear, forecasts, cycles."""
