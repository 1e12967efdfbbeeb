"""The server: gunicorn with threads, and a worker in which slow clients cannot occupy a thread.

    config.py      gunicorn's settings: threads, timeouts, logs
    worker.py      one event loop for all connections; a thread is used once a request is ready
    answering.py   what the thread does with a request
    connection.py  a client: the received part of its next request, and the unsent part of the last response
    sockets.py     a socket that buffers a response for a slow client, so that the thread need not wait
    heads.py       a first look at a request's head: who reads its body, and who sent it
    shares.py      limits each tenant to a quarter of the threads
    slots.py       limits how many downloads are made at the same moment
    limits.py      the number of open files

The loop reads the head of a request (and its body if it is a form), waits for its turn, and passes it to a thread. The
thread sends the response as far as the client accepts it immediately. The loop sends the rest, discards any unread part
of the body, and waits for the next request. Downloads that are made while they are sent have shares and threads
of their own. Only as many of these threads work as there are slots; the others wait for their clients or for a slot.
"""
