"""Tests in a real Chromium. A package, so that its tests may share a shop that ends with them."""
