"""Models: where their weights come from, whether a folder is whole, chat templates, prompts, reasoning blocks."""
