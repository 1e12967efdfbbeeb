"""Reading workbooks: XLSX, XLS and ODS → the cells that a CSV file of the same records would have.

Runs in a process of its own with limits (see ``workbook_reader``), so it imports neither Django nor the database.
"""
