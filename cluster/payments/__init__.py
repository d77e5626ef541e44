"""Money: the port to whoever takes it, and its one adapter, Stripe."""
