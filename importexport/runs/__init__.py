"""An import run from its upload to the day it is forgotten, and the work that outlives a request."""
