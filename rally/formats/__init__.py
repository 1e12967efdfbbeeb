"""How pages write dates, times and numbers: in one way that nobody takes for another (15 Jun 2025, 14:05 CEST)."""
