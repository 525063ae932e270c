"""What the tests of all exercises ask of a check."""


def gets_a_hint(check, answer):
    """No answer, or garbage: your turn or not yet, and no exception."""
    feedback = check(answer)
    assert not feedback and repr(feedback).startswith(("✗ Not yet.", "○ Your turn."))
    assert feedback.tried or "..." in feedback.text


def get_hints_of_their_own(check, answers):
    """Known mistakes: none is accepted, and no two share a hint."""
    all_feedback = [check(answer) for answer in answers]
    assert not any(all_feedback)
    assert len({feedback.text for feedback in all_feedback}) == len(all_feedback)
