"""A small SQL tree, its printer, templates, dialects. Knows nothing of KQL."""
