"""Client processes: they do what people and programs do, and record a history of it."""
