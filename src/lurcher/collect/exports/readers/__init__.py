"""One file a format. A new one is found by being here."""
