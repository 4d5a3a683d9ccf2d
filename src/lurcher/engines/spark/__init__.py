"""Spark SQL over Spark Connect: where one machine is outgrown. Sail speaks it, too."""
