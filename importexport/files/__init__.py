"""File formats: reading CSV and its header, marking formulas, writing XLSX."""
