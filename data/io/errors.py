"""The one error a person is meant to read."""


class UserError(ValueError):
    """Input or state that a person can mend.

    The message is shown as it is, in the app and in the terminal: it names the file, row or column and the mend.
    """
