"""One file a step of the schema. A released one does not change: it is history."""
