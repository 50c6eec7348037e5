"""What can go wrong, in two kinds: what another try may mend, and what it cannot."""


class LandfallError(Exception):
    """Something outside failed: a broker, a NameNode, a race. Trying again may mend it."""


class Refused(LandfallError):
    """Input, contract or state is wrong: trying again gives the same answer, so nobody should.

    The message says what and where, what was expected and found, and what to do next.
    Operators turn it into a failure without retries.
    """
