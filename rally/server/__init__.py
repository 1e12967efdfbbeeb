"""The server: gunicorn with threads, and a worker in which no stranger can hold a thread by dawdling.

    config.py      what gunicorn is told: threads, time-outs, logs
    worker.py      one loop for all connections; a thread is taken when a request is ready to be answered
    answering.py   what a thread does with one
    connection.py  one client: what has come of its next request, and what is left of the last answer
    sockets.py     a socket on which a thread need not wait for a slow reader
    heads.py       a look at a request's head, enough to decide who reads its body, and whose request it is
    shares.py      no tenant has more than a quarter of the threads at work
    limits.py      open files

The way of a request: the loop reads its head (and its body, where that is a form's), asks for its turn, and gives it to
a thread. The thread answers as far as the client takes it without waiting; the loop sends the rest, forgets what nobody
has read of the body, and waits for the next request.
"""
