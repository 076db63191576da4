"""The runtimes that execute an exported network."""
