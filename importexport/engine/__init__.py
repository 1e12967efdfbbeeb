"""The import and export engine: resources, importers that write with COPY, reports, and exports."""
