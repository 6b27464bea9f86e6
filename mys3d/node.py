"""One node: the only room that names a driver.        Floor: composition root. Called by: cli."""
