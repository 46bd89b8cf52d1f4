"""Decoding: the light way to write with models built like Llama, token after token, without a framework around it."""
