def stream_workbook(**k):
    raise NotImplementedError
