"""Three ledgers of one sale, compared: the journal, the orders, and the payment provider's."""
