# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Webhooks. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError

from ansible.module_utils.urls import ConnectionError as UrlError
from ansible.module_utils.urls import open_url

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DeliveryError


class HostWebhook:
    """Posts to an address, which is a secret as a whole: whoever knows it may post there."""

    def post(
        self, url: str, body: bytes, *, timeout: float, ca: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Post JSON; anything but a status of 2xx is a failure."""
        try:
            with open_url(
                url,
                data=body,
                method="POST",
                headers={"Content-Type": "application/json", **(headers or {})},
                timeout=timeout,
                ca_path=ca,
                follow_redirects="none",
            ) as answer:
                status = answer.status
        except HTTPError as error:
            status = error.code
        except (OSError, HTTPException, ValueError, UrlError) as error:
            # What the libraries say can hold the address.
            raise DeliveryError(f"The webhook cannot be reached ({_reason(error)}).") from None
        if not 200 <= status < 300:
            raise DeliveryError(f"The webhook answered with status {status}.")


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return type(inner).__name__
