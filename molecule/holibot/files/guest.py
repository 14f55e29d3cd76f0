# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opens the widget of the HoliBot at this address as a guest does, on a desktop and on a phone, and asks it."""

from __future__ import annotations

import sys
from typing import Any

from tests.integration.browser.chromium import WINDOWS, Browser, running_browser

_SAID = ["best restaurants in Calpe", "I would go to El Mirador or Casa Marina or La Lonja."]
_WANTED = {
    "openHoliBot is a": "function",
    "seen before it is opened": False,
    "seen once it is opened": True,
    "said": _SAID,
    "said when the page is loaded again": _SAID,
    "console": [],
}


def _seen(browser: Browser, window: str) -> dict[str, Any]:
    said = ".holibot-user, .holibot-assistant"
    browser.open("https://holibot.example/", window)
    seen: dict[str, Any] = {"openHoliBot is a": browser.value("typeof window.openHoliBot")}
    seen["seen before it is opened"] = browser.sees(".holibot-panel")
    browser.click(".holibot-button")
    seen["seen once it is opened"] = browser.sees(".holibot-panel")
    browser.write(".holibot-input", _SAID[0])
    browser.click(".holibot-send")
    browser.until("document.querySelectorAll('.holibot-assistant').length === 1")
    seen["said"] = browser.texts(said)
    browser.shoot(f"holibot-deployed-{window}")
    browser.reload()
    browser.until("document.querySelectorAll('.holibot-assistant').length === 1")
    browser.value("window.openHoliBot()")
    seen["said when the page is loaded again"] = browser.texts(said)
    # It takes the conversation away.
    browser.click(".holibot-forget")
    browser.until("localStorage.length === 0")
    seen["console"] = browser.complaints()
    return seen


def main() -> None:
    with running_browser({"holibot.example": sys.argv[1]}) as browser:
        for window in WINDOWS:
            seen = _seen(browser, window)
            if seen != _WANTED:
                sys.exit(f"On a {window}: {seen}")


if __name__ == "__main__":
    main()
