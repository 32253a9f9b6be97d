"""The air between emulated controllers: connection events, events that are lost, shadows, links that break.

bumble's own link delivers at once. Here data of a connection moves only at its connection events, a fixed number of
packets each way. A lost event delays what waits, as the link layer sends it again; nothing is dropped inside a
connection and nothing overtakes. What still waits when a link breaks is gone, as it is in a radio chip.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from bumble import hci, link, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport

from firmware_bridge.packets import BridgeError

EVENTS: Final = 1
"""Purpose of the random stream that decides which events are lost, and how long the host takes."""
DATA_LENGTH: Final = 251
"""Longest payload of one link layer packet with data length extension; the sender's chip says 27 unless told."""
TRIES: Final = 6
"""Connection events in which a new link has to be answered, else it was never established (Core 5.3, 6.B.4.5.5)."""
ROUNDING: Final = 1e-6
"""Of an interval: the event that was just held isn't the next one."""
ACTIVE_SCAN: Final = 1
NEVER: Final = -math.inf


class BadRadio(BridgeError, ValueError):
    """A radio that can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """How the air behaves.

    Raises:
        BadRadio: a value out of its range.
    """

    interval_s: float = 0.0
    """From connection event to connection event; 0 = no air, all is delivered at once."""
    lost_events: float = 0.0
    """Share of connection events in which nothing gets through."""
    packets_per_event: int = 6
    """What fits into one event each way: about 2 ms for 251 bytes at 1M, half of it at 2M."""
    supervision_s: float = 4.0
    """A link without a good event for so long is dropped by both ends."""
    host_delay_s: float = 0.0
    """Mean of the (exponential) time from the air to the receiving program; order is kept."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no radio does."""
        if not 0 <= self.interval_s <= 4:
            raise BadRadio(f"interval_s={self.interval_s}; want 0 (no air) to 4 s; is it in ms?")
        if not 0 <= self.lost_events < 1:
            raise BadRadio(f"lost_events={self.lost_events}; want a share below 1; is it in percent?")
        if self.packets_per_event < 1:
            raise BadRadio(f"packets_per_event={self.packets_per_event}; want 1 or more")
        if self.supervision_s <= self.interval_s:
            raise BadRadio(f"supervision_s={self.supervision_s}; want more than interval_s={self.interval_s}")
        if not 0 <= self.host_delay_s <= 1:
            raise BadRadio(f"host_delay_s={self.host_delay_s}; want 0 to 1 s; is it in ms?")


@dataclass
class AdvertisingEvent(ll.AdvInd):
    """An advertisement with the answer that a scan request would get."""

    scan_response: bytes = b""


class EmulatedController(Controller):
    """bumble's controller, mended where a host would notice.

    Packets count as sent when the air took them, so that senders feel a full queue. A pending connect can be
    cancelled, a reset ends all links, and scan responses differ from advertisements.
    """

    def __init__(self, name: str, *, air: "RadioLink", address: hci.Address | None = None) -> None:
        """Args: its public address, if it has one."""
        super().__init__(name, link=air, public_address=address)
        self.air = air
        self.le_acl_data_packet_length = DATA_LENGTH
        # it answers hosts in the way of older controllers only, whatever it claims
        self.le_features &= ~(hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
        self._fragments: dict[int, int] = {}

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """From its host; what belongs to no connection is too late."""
        connection = self.find_le_connection_by_handle(packet.connection_handle)
        if connection is not None:
            self._fragments[connection.handle] = self._fragments.get(connection.handle, 0) + 1
            connection.assembler.feed_packet(packet)

    def take_fragments(self, connection: Connection) -> int:
        """How many packets of its host the message was that is sent now."""
        return self._fragments.pop(connection.handle, 0)

    def sent(self, connection: Connection, fragments: int) -> None:
        """Tell the host that there is room again."""
        self.send_hci_packet(
            hci.HCI_Number_Of_Completed_Packets_Event(
                connection_handles=[connection.handle], num_completed_packets=[fragments]
            )
        )

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        """A link ended."""
        self._fragments.pop(connection.handle, None)
        self.air.forget(connection)
        super().on_le_disconnected(connection, reason)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """A host begins anew: whatever an earlier one left open ends."""
        self.air.unplug(self)
        self.le_scan_enable = False
        self.pending_le_connection = None
        return super().on_hci_reset_command(command)

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up on a peer that does not answer."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self._say_not_connected, pending.peer_address)
        return super().on_hci_le_create_connection_cancel_command(command)

    def _say_not_connected(self, peer: hci.Address) -> None:
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=peer.address_type,
                peer_address=peer,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report it to a host that scans, then connect if that is what the host waits for."""
        if self.le_scan_enable:
            kinds = hci.HCI_LE_Advertising_Report_Event.EventType
            heard = [(kinds.ADV_IND, pdu.data)]
            if self.le_scan_type == ACTIVE_SCAN:
                heard.append((kinds.SCAN_RSP, pdu.scan_response if isinstance(pdu, AdvertisingEvent) else b""))
            for kind, data in heard:
                report = hci.HCI_LE_Advertising_Report_Event.Report(
                    event_type=kind,
                    address_type=pdu.advertiser_address.address_type,
                    address=pdu.advertiser_address,
                    data=data,
                    rssi=-50,
                )
                self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)


@dataclass(slots=True)
class _Packet:
    sender: EmulatedController
    connection: Connection
    fragments: int
    data: bytes


@dataclass(slots=True, eq=False)
class _Events:
    """One connection's events and what waits for them, by sender."""

    anchor_s: float
    waiting: deque[_Packet] = field(default_factory=deque[_Packet])
    timer: asyncio.TimerHandle | None = None
    in_host: deque[tuple[Connection, bytes]] = field(default_factory=deque[tuple[Connection, bytes]])
    """Through the air, not yet with the program."""
    in_host_until_s: float = NEVER


class RadioLink(link.LocalLink):
    """The air that all controllers of one emulation share."""

    def __init__(self, radio: Radio) -> None:
        """Args: how it behaves; `radio` can be set anew at any time."""
        super().__init__()
        self.radio = radio
        self.lost = 0
        """Events lost so far, of those in which something waited."""
        self.held = 0
        """Events held so far in which something was sent."""
        self.discarded = 0
        """Packets that waited when their link broke."""
        self._random = np.random.default_rng([radio.seed, EVENTS])
        self._events: dict[frozenset[hci.Address], _Events] = {}
        self._dark_until_s: dict[hci.Address, float] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """An advertisement, or the request to connect that answers one."""
        if self._is_dark(sender_controller.random_address):
            return
        if isinstance(packet, ll.AdvInd):
            answer = sender_controller.le_legacy_advertiser.scan_response_data
            packet = AdvertisingEvent(packet.advertiser_address, packet.data, answer)
        super().send_advertising_pdu(sender_controller, packet)
        if isinstance(packet, ll.ConnectInd):
            wait_s = TRIES * max(self.radio.interval_s, packet.interval * 1.25e-3)
            self._later(wait_s, self._established, sender_controller, packet)

    def _established(self, central: Controller, request: ll.ConnectInd) -> None:
        connection = central.le_connections.get(request.advertiser_address)
        peer = self.find_le_controller(request.advertiser_address)
        if connection and (peer is None or request.initiator_address not in peer.le_connections):
            central.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Link layer's own messages; a peer that is gone doesn't hear them."""
        receiver = self.find_le_controller(receiver_address)
        if receiver is not None:
            asyncio.get_running_loop().call_soon(self._control, receiver, sender_address, packet)

    def _control(self, receiver: Controller, sender: hci.Address, packet: ll.ControlPdu) -> None:
        if sender in receiver.le_connections:
            receiver.on_ll_control_pdu(sender, packet)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Data of a connection: waits for the next connection event."""
        connection = sender_controller.le_connections.get(destination_address)
        if connection is None or not isinstance(sender_controller, EmulatedController):
            return
        packet = _Packet(sender_controller, connection, sender_controller.take_fragments(connection), data)
        now_s = asyncio.get_running_loop().time()
        pair = frozenset((connection.self_address, connection.peer_address))
        events = self._events.get(pair)
        if not self.radio.interval_s and (events is None or not (events.waiting or events.in_host)):
            self._deliver(packet, now_s)
            return
        if events is None:
            # centrals place their links' events as they like
            events = self._events[pair] = _Events(now_s + self._random.random() * self.radio.interval_s)
        events.waiting.append(packet)
        if events.timer is None:
            self._arm(pair, events, now_s)

    def _arm(self, pair: frozenset[hci.Address], events: _Events, now_s: float) -> None:
        interval_s = self.radio.interval_s or 1e-3  # the air was taken away meanwhile
        passed = math.floor((now_s - events.anchor_s) / interval_s + ROUNDING)
        event_s = events.anchor_s + (passed + 1) * interval_s
        events.timer = asyncio.get_running_loop().call_at(event_s, self._event, pair, events, event_s)

    def _event(self, pair: frozenset[hci.Address], events: _Events, event_s: float) -> None:
        events.timer = None
        if any(self._is_dark(address) for address in pair) or self._random.random() < self.radio.lost_events:
            self.lost += 1
        else:
            self.held += 1
            room = dict.fromkeys((packet.sender for packet in events.waiting), self.radio.packets_per_event)
            later = deque[_Packet]()
            for packet in events.waiting:
                if room[packet.sender]:
                    room[packet.sender] -= 1
                    self._deliver(packet, event_s, events)
                else:
                    later.append(packet)
            events.waiting = later
        if events.waiting:
            # not before the event that was due now, however late this loop is
            self._arm(pair, events, max(event_s, asyncio.get_running_loop().time()))

    def _deliver(self, packet: _Packet, now_s: float, events: _Events | None = None) -> None:
        connection = packet.connection
        packet.sender.sent(connection, packet.fragments)
        if events is None or not (self.radio.host_delay_s or events.in_host):
            asyncio.get_running_loop().call_soon(self._hand_over, connection, packet.data)
            return
        delay_s = self._random.exponential(self.radio.host_delay_s) if self.radio.host_delay_s else 0.0
        events.in_host_until_s = max(now_s + delay_s, events.in_host_until_s)
        events.in_host.append((connection, packet.data))
        # timers of one moment run in any order: each takes the oldest
        self._later(events.in_host_until_s - asyncio.get_running_loop().time(), self._hand_over_oldest, events)

    def _hand_over_oldest(self, events: _Events) -> None:
        self._hand_over(*events.in_host.popleft())

    def _hand_over(self, connection: Connection, data: bytes) -> None:
        receiver = self.find_le_controller(connection.peer_address)
        # the source is the address that the connection was made with; it may be public or random
        if receiver is not None and connection.self_address in receiver.le_connections:
            receiver.on_link_acl_data(connection.self_address, PhysicalTransport.LE, data)

    def _is_dark(self, address: hci.Address) -> bool:
        return asyncio.get_running_loop().time() < self._dark_until_s.get(address, NEVER)

    def shadow(self, address: hci.Address, duration_s: float) -> None:
        """Nothing of this device gets through for a while; longer than the supervision timeout drops its links."""
        self._dark_until_s[address] = asyncio.get_running_loop().time() + duration_s
        if duration_s > self.radio.supervision_s:
            self._later(self.radio.supervision_s, self.drop, address)

    def drop(self, address: hci.Address, reason: int = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR) -> int:
        """Break all links of a device now, both ends told as after a supervision timeout. Returns how many."""
        broken = 0
        for controller in self.controllers:
            for connection in list(controller.le_connections.values()):
                if address in (connection.self_address, connection.peer_address):
                    controller.on_le_disconnected(connection, reason)
                    broken += connection.self_address == address
        return broken

    def unplug(self, controller: Controller) -> None:
        """End all its links, its host not told: the host is gone, or begins anew."""
        for connection in list(controller.le_connections.values()):
            del controller.le_connections[connection.peer_address]
            for other in self.controllers:
                facing = other.le_connections.get(connection.self_address)
                if facing is not None and facing.self_address == connection.peer_address:
                    other.on_le_disconnected(facing, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            self.forget(connection)

    def forget(self, connection: Connection) -> None:
        """A link ended: what waits for its next event is gone."""
        events = self._events.pop(frozenset((connection.self_address, connection.peer_address)), None)
        if events is not None:
            self.discarded += len(events.waiting)
            if events.timer is not None:
                events.timer.cancel()

    def close(self) -> None:
        """Nothing more happens in this air."""
        for timer in [*self._timers, *(events.timer for events in self._events.values() if events.timer)]:
            timer.cancel()
        self._timers.clear()
        self._events.clear()

    def _later(self, delay_s: float, call: Callable[..., object], *args: object) -> None:
        def run() -> None:
            self._timers.discard(timer)
            call(*args)

        timer = asyncio.get_running_loop().call_later(delay_s, run)
        self._timers.add(timer)
