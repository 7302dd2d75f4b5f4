"""How fast the project is, beside what people use instead: `make bench`."""
