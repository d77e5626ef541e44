"""HTTP: the FastAPI application that Ray Serve runs. Imports cluster and actors; nothing imports it."""
