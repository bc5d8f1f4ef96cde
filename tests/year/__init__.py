"""A city's whole year, played through the product and judged a second time from the raw record alone."""
