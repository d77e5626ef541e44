"""The pages that people look at: what is on sale, and a show with its seats, live."""
