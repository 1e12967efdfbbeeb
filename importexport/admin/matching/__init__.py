"""The Match step: what each column of a file is, asked where the file itself does not surely say it."""
