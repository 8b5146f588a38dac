"""A solar compacting waste bin with a fill sensor."""
