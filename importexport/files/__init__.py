"""Bytes to rows, and rows to workbooks: CSV, headers, formula marks, XLSX."""
