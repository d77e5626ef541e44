"""The project's own venues, written by pure functions: the same seats in every run."""
