"""What a replica knows of its shows, folded from the journal: reads never touch an actor."""
