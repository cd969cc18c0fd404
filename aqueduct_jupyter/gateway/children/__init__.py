"""Child processes: the only way to start, limit and end a program.

* A child loads no module, library or program from the folder in which the server was started,
  which in Jupyter may be an untrusted repository: Python runs with ``-P``, in the child's own
  folder, and relative and empty entries of path variables are dropped.
* A child gets only named environment variables, so it knows none of the server's secrets.
* Every child ends. Our own programs end when their standard input closes, so they die with a
  killed parent; other programs run under :mod:`.tethered`, which does the same for them.
* A child's standard error is untrusted text: only its end is kept, and shown as one printable
  line.
"""
