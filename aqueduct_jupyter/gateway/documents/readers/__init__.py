"""What reads documents: a module for each family of formats, imported when one is to be read.

:mod:`..text` chooses the module. Only :mod:`.plain_text` and :mod:`.notebooks` run in the server's
process; all others run in the confined child, and only they may import libraries that parse.
"""
