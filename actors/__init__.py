"""The functional core (`actors.domain`) and the actor runtime around it."""
