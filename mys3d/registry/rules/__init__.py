"""One rule per command.        Floor: registry (pure). Called by: registry.apply."""
