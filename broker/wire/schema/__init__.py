"""JSON Schemas and the AsyncAPI document of the wire, generated from the message types.

``python -m broker.wire.schema`` writes them into this folder; a test fails when they have drifted.
"""

from broker.wire.schema.generate import FOLDER, documents, write

__all__ = ["FOLDER", "documents", "write"]
