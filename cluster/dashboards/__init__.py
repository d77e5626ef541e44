"""Grafana dashboards, alert rules and the tables of docs/operating/observability.md, all made from `actors.metrics`."""
