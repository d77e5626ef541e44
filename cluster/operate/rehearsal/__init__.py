"""An on-sale rehearsed: simulated buyers at the installation's own address, and a copy of the show."""
