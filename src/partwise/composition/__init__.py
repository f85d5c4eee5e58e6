"""Complete solutions S as programs: the language, its spaces, the sandbox, and what they did in words."""
