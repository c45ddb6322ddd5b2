"""Engines that turn prompts into completions, each in a process of its own."""
