"""The journal over NATS JetStream, its double in memory, and the feeds, consumers and wake-ups that live off it."""
