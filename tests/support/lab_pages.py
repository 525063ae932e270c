"""What the tests of a browser wait for in JupyterLab's page."""

import re

LOADS = 120_000
"""Milliseconds to load a page on a busy machine."""


def wait_until_idle(page, timeout=LOADS):
    """Wait until the kernel of the notebook rests."""
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', state="attached", timeout=timeout)


def wait_for_text(cell, pattern, *, other_than="", timeout=LOADS):
    """Wait until the prompt of a code cell matches the pattern, and is another one than that."""
    from playwright.sync_api import expect

    prompt = cell.locator(".jp-InputPrompt")  # looked up at each try: JupyterLab puts new ones in the place of old ones
    expect(prompt).not_to_have_text(other_than, timeout=timeout)
    expect(prompt).to_have_text(re.compile(pattern), timeout=timeout)


def wait_for_number(cell, *, other_than="", timeout=LOADS):
    """Wait until a code cell is done: its number stands before it, and is another one than that."""
    wait_for_text(cell, r"\[\d+\]", other_than=other_than, timeout=timeout)
