"""Orders at work: made at the checkout, carried to their end by the saga, told to everybody."""
