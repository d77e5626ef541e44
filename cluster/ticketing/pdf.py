"""Tickets as a PDF, to print or to show on a telephone."""

from __future__ import annotations

from cluster.ticketing.document import OrderDocument

MEDIA_TYPE = "application/pdf"


def tickets_pdf(order: OrderDocument) -> bytes:
    """One page per ticket, in the order's order; the same bytes for the same order.

    Takes a tenth of a second of a processor, and a second or two more for the first ticket in a script: to be called
    in a thread.
    """
    from cluster.ticketing.pages import (
        printed,
    )  # with fpdf2 and fontTools, which most processes do not need

    return printed(order)
