"""HTTP as such: a stream as an answer, a body read within bounds."""
