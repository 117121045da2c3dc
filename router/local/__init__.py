"""The bundled local model: SmolLM2-135M by llama.cpp, for those who installed `.[local]`."""
