"""Networks, all seeds of an experiment stacked along a leading axis S."""
