"""Payment gateways behind one protocol: authorise before the commit, capture after it, void without it."""

from ticketflow.payments.gateway import Authorisation, Charge, ChargeStatus, Gateway, GatewayTimeout
from ticketflow.payments.simulated import SimulatedGateway

__all__ = ["Authorisation", "Charge", "ChargeStatus", "Gateway", "GatewayTimeout", "SimulatedGateway"]
