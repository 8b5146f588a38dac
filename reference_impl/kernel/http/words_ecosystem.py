"""Names of fields of secondary use of data; see :mod:`vocabulary`."""

TABLE = """
above: Work is ordered when one of the things says more than this, in the signal's unit
agreed: Whether the customer of the place agreed to such work beforehand
every_h: How often it looks
ordered: Planned work that was ordered; empty: none
over_h: How far it looks back, never before the consent
spans: From when to when readings were used
use: Id of a secondary use
within_h: How long the window for the work is
"""
