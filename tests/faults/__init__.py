"""What goes wrong on real machines, done on purpose: `make faults`."""
