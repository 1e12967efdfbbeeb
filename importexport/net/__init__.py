"""Requests of the server to other hosts: only to those that a rule allows, in bounded time and memory."""
