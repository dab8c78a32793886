"""rectune with models behind OpenAI's protocol."""
