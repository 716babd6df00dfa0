"""Payment gateways behind one protocol: authorise before the commit, capture after it, void without it.

`stripe_gateway` is imported by who makes it: its library is an extra.
"""

from ticketflow.payments.gateway import (
    Authorisation,
    Charge,
    ChargeStatus,
    Gateway,
    GatewayRefused,
    GatewayTimeout,
    Notice,
    NotTheGateway,
)
from ticketflow.payments.simulated import SimulatedGateway

__all__ = [
    "Authorisation",
    "Charge",
    "ChargeStatus",
    "Gateway",
    "GatewayRefused",
    "GatewayTimeout",
    "NotTheGateway",
    "Notice",
    "SimulatedGateway",
]
