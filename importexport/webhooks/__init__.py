"""Webhooks: tenants are told of the ends of their imports by signed requests (https://www.standardwebhooks.com)."""
