"""Child processes: the one way to start, hear, bound and end a program.

* A child takes no module, library or program from the folder that the server was started in, which
  in Jupyter may hold a repository from anywhere: Python runs with ``-P``, in a folder of the
  child's own, and relative and empty entries of path variables are dropped.
* A child gets named environment variables only, so it knows none of the server's secrets.
* Every child ends. Our own programs end when their standard input closes, so they die with a
  parent that was killed; other programs run below :mod:`.tethered`, which does the same for them.
* A child's standard error is untrusted text: the end of it is kept, and shown as one printable
  line.
"""
