"""The error whose message is shown to the user."""


class UserError(ValueError):
    """Input or state that the user can correct.

    The app and the terminal show the message as it is: it names the file, row or column and the correction.
    """
