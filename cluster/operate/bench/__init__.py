"""`frontrow bench`: the product's speed and memory on this machine, as one table. Never a test's assertion."""
