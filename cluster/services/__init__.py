"""The services beside the hot path: loading seats, expiring holds, projecting read models. They yield to buyers."""
