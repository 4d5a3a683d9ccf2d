"""lurcher hunts intruders: KQL, on whatever telemetry there is. ARCHITECTURE.md is the plan of the house."""

__version__ = "0.1.0"
