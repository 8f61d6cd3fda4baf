"""The one exception that a user of the command line is meant to see."""


class InputError(Exception):
    """Something that was given to the program is not usable.

    The message is one line that says what is wrong, where, and what would be right; the command
    line prints it as it stands and ends with exit code 2.
    """
