"""The one exception that a user is meant to see: a sentence, without a traceback of ours."""

from __future__ import annotations


class UserError(Exception):
    """Something outside the program is not as it must be.

    The message names the file or setting, what is wrong with it and what to do; the command line
    prints it alone and exits with status 2.
    """
