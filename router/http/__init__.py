"""The HTTP edge: the one folder that imports FastAPI. Everything is converted here, once."""
