"""What the tests of all exercises ask of a check."""


def gets_a_hint(check, answer):
    """No answer, or garbage: not yet, and no exception."""
    verdict = check(answer)
    assert not verdict and repr(verdict).startswith("✗ Not yet.")


def get_hints_of_their_own(check, answers):
    """Known mistakes: none is accepted, and no two share a hint."""
    verdicts = [check(answer) for answer in answers]
    assert not any(verdicts)
    assert len({verdict.text for verdict in verdicts}) == len(verdicts)
