# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail through a relay. This module is private to the collection."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DeliveryError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Mail, Relay


class HostMail:
    """Hands mail to a relay, which sees to the rest."""

    def send(self, mail: Mail, relay: Relay) -> None:
        """Hand over one mail to all who get it."""
        message = EmailMessage()
        message["From"] = mail.sender
        message["To"] = ", ".join(mail.to)
        message["Subject"] = mail.subject
        message["Date"] = formatdate(localtime=True)
        message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2] or None)
        message.set_content(mail.text)
        try:
            with _connected(relay) as session:
                if relay.user is not None:
                    session.login(relay.user, relay.password or "")
                refused = session.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"{relay.host}:{relay.port} did not take the mail: {_said(error)}.") from error
        if refused:
            raise DeliveryError(f"{relay.host}:{relay.port} did not take the mail for {', '.join(sorted(refused))}.")


def _connected(relay: Relay) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=relay.ca)
    if relay.security == "tls":
        return smtplib.SMTP_SSL(relay.host, relay.port, timeout=relay.timeout, context=context)
    session = smtplib.SMTP(relay.host, relay.port, timeout=relay.timeout)
    if relay.security == "starttls":
        try:
            session.starttls(context=context)
        except BaseException:
            session.close()
            raise
    return session


def _said(error: Exception) -> str:
    """What the relay answered, or what the system says; an answer never repeats the password."""
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        return f"{error.smtp_code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}".rstrip(
            "."
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it knows none of {', '.join(sorted(error.recipients))}"
    return (str(error) or type(error).__name__).rstrip(".")
