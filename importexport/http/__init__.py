"""HTTP helpers: streamed responses, and reading a request body within limits."""
