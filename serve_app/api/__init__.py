"""The routes of the public contract, one file per resource."""
