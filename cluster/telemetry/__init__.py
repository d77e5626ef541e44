"""Logs, metrics and traces: how what the product tells of itself leaves a process."""
