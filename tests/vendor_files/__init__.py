"""Files as other programs export them, with made-up people, and the records that a perfect import of each gives."""
