# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages as a real browser shows them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.machine import BIN, ROOT
from tests.integration.node import packages

HERE = Path(__file__).resolve().parent
# Where people find what the tests have seen.
SCREENSHOTS = ROOT / ".cache" / "screenshots"
WINDOWS: Mapping[str, Mapping[str, Any]] = {
    "desktop": {"width": 1280, "height": 800, "touch": False},
    "phone": {"width": 390, "height": 844, "touch": True},
}


@dataclass
class Browser:
    """Chromium with one page."""

    process: subprocess.Popen[str]

    def open(self, url: str, window: str = "desktop", *, dark: bool = False, paper: bool = False) -> None:
        """Load a page anew in a window of this kind."""
        self._do("open", url=url, dark=dark, paper=paper, **WINDOWS[window])

    def reload(self) -> None:
        """Load the same page again."""
        self._do("reload")

    def value(self, expression: str) -> Any:
        """What a piece of JavaScript comes to in the page."""
        return self._do("value", expression=expression)

    def until(self, expression: str) -> None:
        """Return as soon as it holds in the page."""
        self._do("until", expression=expression)

    def texts(self, selector: str) -> list[str]:
        """What stands in these elements."""
        texts: list[str] = self.value(f"[...document.querySelectorAll({selector!r})].map(one => one.innerText)")
        return texts

    def sees(self, selector: str) -> bool:
        """Whether the first of these elements is shown."""
        transparent = "{ visibilityProperty: true, opacityProperty: true }"
        seen: bool = self.value(f"document.querySelector({selector!r}).checkVisibility({transparent})")
        return seen

    def box(self, selector: str) -> dict[str, float]:
        """Where the first of these elements is in the window."""
        box: dict[str, float] = self.value(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        return box

    def click(self, selector: str) -> None:
        """Click as a person does, who has to see it."""
        self._do("click", selector=selector)

    def write(self, selector: str, text: str) -> None:
        """Write into a field."""
        self._do("write", selector=selector, text=text)

    def shoot(self, name: str) -> None:
        """Take a picture of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self._do("shoot", path=str(SCREENSHOTS / f"{name}.png"))

    def width(self) -> int:
        """How wide the page is, which can be wider than its window."""
        width: int = self.value("document.documentElement.scrollWidth")
        return width

    def requests(self) -> list[str]:
        """All that the page has asked for, itself first."""
        requests: list[str] = self._do("heard")["requests"]
        return requests

    def complaints(self) -> list[str]:
        """All that stands in the console, and every request that failed."""
        complaints: list[str] = self._do("heard")["complaints"]
        return complaints

    def _do(self, command: str, **given: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "The browser has ended; tools/browser installs what it needs."
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer.get("value")


@contextmanager
def running_browser(hosts: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """A browser for as long as the context lasts, which finds these names at these addresses."""
    with packages("browser", HERE) as installed:
        script = Path(shutil.copy(HERE / "browser.js", installed))
    rules = ",".join(f"MAP {name} {address}" for name, address in (hosts or {}).items())
    with subprocess.Popen(
        [str(BIN / "node"), str(script), rules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # The end of its input ends it.
        yield Browser(process)
