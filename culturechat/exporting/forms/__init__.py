"""The formats that exports are made of. Knows nothing of the programs that take them."""
