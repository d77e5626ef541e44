"""What a buyer takes to the door: the tickets of an order as a PDF, as QR codes, and as a calendar entry."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from actors.domain.order import Order
from actors.domain.rejections import Code
from cluster.bootstrap import Runtime
from cluster.orders.documents import order_document
from cluster.orders.tickets import WITH_TICKETS, tickets_of
from cluster.services.fulfilment import ticket_file
from cluster.store.show import Show
from cluster.ticketing.calendar import MEDIA_TYPE as CALENDAR
from cluster.ticketing.calendar import calendar_of
from cluster.ticketing.objects import ObjectsUnavailable
from cluster.ticketing.pdf import MEDIA_TYPE as PDF
from cluster.ticketing.qr import qr_svg
from serve_app.openapi import problems
from serve_app.order_changes import order_of
from serve_app.problems import Problem, rejection_problem, unavailable
from serve_app.runtime import runtime_of

SVG = "image/svg+xml"
PRIVATE = {"Cache-Control": "private, no-store"}
"""Who has a ticket's code is let in: no cache on the way keeps one."""

router = APIRouter(prefix="/v1/orders/{order_id}", tags=["orders"])


def _file(media_type: str) -> dict[int | str, dict[str, object]]:
    schema = {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}, "description": "the file"}}


@router.get(
    "/tickets.pdf",
    operation_id="getTicketsPdf",
    response_class=Response,
    responses={**_file(PDF), **problems(404, 409, 503)},
)
async def tickets_pdf(order_id: str, request: Request) -> Response:
    """The tickets of a paid order, one page each."""
    runtime = runtime_of(request)
    order, show = await _paid(runtime, order_id)
    try:
        pdf = await ticket_file(order, show, runtime.stationery)
    except ObjectsUnavailable as error:
        raise unavailable(str(error)) from None
    if pdf is None:
        raise rejection_problem(Code.ORDER_NOT_PAID, "its tickets were refunded")
    headers = {**PRIVATE, "Content-Disposition": 'inline; filename="tickets.pdf"'}
    return Response(pdf, media_type=PDF, headers=headers)


@router.get(
    "/calendar.ics",
    operation_id="getCalendar",
    response_class=Response,
    responses={**_file(CALENDAR), **problems(404, 409, 503)},
)
async def calendar(order_id: str, request: Request) -> Response:
    """The show as a calendar entry, with the seats."""
    runtime = runtime_of(request)
    order, show = await _paid(runtime, order_id)
    document = order_document(order, show, runtime.ticket_keys)
    if document is None:
        raise rejection_problem(Code.ORDER_NOT_PAID, "its tickets were refunded")
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="show.ics"'}
    return Response(calendar_of(document), media_type=CALENDAR, headers=headers)


@router.get(
    "/tickets/{ticket_id}/qr.svg",
    operation_id="getTicketQr",
    response_class=Response,
    responses={**_file(SVG), **problems(404, 409, 503)},
)
async def ticket_qr(order_id: str, ticket_id: str, request: Request) -> Response:
    """A ticket's code as a QR code."""
    runtime = runtime_of(request)
    order, _ = await _paid(runtime, order_id)
    for ticket in tickets_of(order, runtime.ticket_keys):
        if ticket.ticket_id == ticket_id:
            picture = qr_svg(ticket.code, ticket.seat)
            return Response(picture, media_type=SVG, headers=PRIVATE)
    raise Problem("ticket_not_found")


async def _paid(runtime: Runtime, order_id: str) -> tuple[Order, Show]:
    order = await order_of(runtime, order_id)
    show = await runtime.shows.get(order.show_id)
    if order.state not in WITH_TICKETS or show is None:
        raise rejection_problem(Code.ORDER_NOT_PAID, f"it is {order.state}")
    return order, show
