"""The mistake that a user can mend."""


class UserError(Exception):
    """A mistake that the user can mend; its text is the whole message, one clear sentence."""
