"""One column at a time: a batch's cells, the fields and widgets that clean them, the records they name."""
