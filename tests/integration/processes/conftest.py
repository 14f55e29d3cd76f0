# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixture application, and another one beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.machine import Host
from tests.integration.processes.shop import OTHER, Shop, prepared


# In each module anew, because others start the host anew.
@pytest.fixture(scope="module")
def beside(process_host: Host) -> Shop:
    """Another application of the same user, which is never to notice anything."""
    shop = prepared(process_host)
    worker = shop.process(name="other", port=OTHER, mode="cluster", instances=2)
    shop.started(worker, application="other", slot=None)
    return shop


@pytest.fixture
def shop(beside: Shop) -> Iterator[Shop]:
    """The application, which does not run before the test, and leaves nothing behind; the other one is undisturbed."""
    before = set(beside.running())
    yield beside
    beside.absent()
    assert set(beside.running()) == before
    answer = beside.ask(OTHER)
    assert answer is not None
    assert answer["pid"] in before
