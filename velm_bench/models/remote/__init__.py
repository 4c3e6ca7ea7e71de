"""`openai:MODEL@URL`: models behind a server that speaks OpenAI's chat completions."""
