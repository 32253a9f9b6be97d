"""The assembler against a device that is modelled whole: every sample has a name, so none can be invented unseen."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware_bridge.assembler import Assembler
from firmware_bridge.packets import Counted
from tests.firmware_bridge.assembler_device import LATENCY_US, NOMINAL_US, OGI, Device, Sent, names_of


class Air(RuleBasedStateMachine):
    """Whatever a link, a host or a battery can do to packets."""

    @initialize(
        sample=st.integers(0, 0x2FFFF),
        packet=st.integers(0, 0x1FFFF),
        ticks_us=st.one_of(st.integers(10**6, 2**33), st.integers(2**32 - 10**6, 2**32 + 10**6)),
        period_us=st.integers(4900, 5100),
        n=st.integers(1, 19),
    )
    def switch_on(self, sample: int, packet: int, ticks_us: int, period_us: int, n: int) -> None:
        self.device = Device(sample=sample, packet=packet, ticks_us=ticks_us, period_us=period_us)
        self.assembler = Assembler(OGI)
        self.out: list[tuple[int, Counted]] = []
        self.came: dict[int, int] = {}
        """Name of a sample -> device time of its packet's last sample."""
        self.first_name: dict[int, int] = {}
        """By boot: from where on the host could have known of samples."""
        self.last_name: dict[int, int] = {}
        self.recent: list[Sent] = []
        self.dropped: list[Sent] = []
        self.duplicates = self.late = 0
        self.send(n)

    def deliver(self, sent: Sent) -> None:
        newest = self.last_name.get(self.device.boot, -1)
        late = sent.names[0] < newest
        counted = self.assembler.push(sent.frame, (self.device.host_us + LATENCY_US) * 1000)
        assert counted is not None, "a new packet was dropped"
        assert names_of(counted.values) == list(sent.names)
        assert counted.late == late
        self.late += late
        self.out.append((self.device.boot, counted))
        self.came.update(dict.fromkeys(sent.names, sent.ticks_us))
        boot = self.device.boot
        # the very first packet that a host hears begins what it can know; of a later boot it knows the beginning
        self.first_name.setdefault(boot, sent.names[0])
        if not boot:
            self.first_name[0] = min(self.first_name[0], sent.names[0])
        self.last_name[boot] = max(newest, sent.names[-1])
        self.recent = [*self.recent[-20:], sent]

    @rule(n=st.integers(1, 19))
    def send(self, n: int) -> None:
        self.deliver(self.device.take(n))

    @rule(ns=st.lists(st.integers(1, 19), min_size=1, max_size=30))
    def drop(self, ns: list[int]) -> None:
        self.dropped += [self.device.take(n) for n in ns]
        self.send(ns[0])

    @rule(packets=st.integers(1, 60_000), n=st.integers(1, 19))
    def go_silent(self, packets: int, n: int) -> None:
        """Up to an hour and a half out of reach: every counter may wrap on the way."""
        self.device.run_unheard(packets, n)
        self.dropped.clear()
        self.recent.clear()
        self.send(n)

    @rule(n=st.integers(1, 19), minutes=st.integers(1, 30))
    def sleep(self, n: int, minutes: int) -> None:
        """A laptop whose monotonic clock stands still while its lid is shut."""
        host_us = self.device.host_us
        for _ in range(20):
            self.send(10)  # the period has been measured by now
        self.device.run_unheard(minutes * 60 * 200, 1)
        self.device.host_us = host_us + 20 * 10 * self.device.period_us
        self.dropped.clear()
        self.recent.clear()
        self.send(n)

    @precondition(lambda self: self.recent)
    @rule(data=st.data())
    def duplicate(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.recent))
        assert self.assembler.push(sent.frame, (self.device.host_us + LATENCY_US) * 1000) is None
        self.duplicates += 1

    @rule(data=st.data(), ns=st.lists(st.integers(1, 19), min_size=2, max_size=5))
    def reorder(self, data: st.DataObject, ns: list[int]) -> None:
        for sent in data.draw(st.permutations([self.device.take(n) for n in ns])):
            self.deliver(sent)

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        """Late ones come while others do; older than a minute is what no device holds."""
        self.send(1)
        held = [
            sent
            for sent in self.dropped
            if sent.ticks_us > self.device.ticks_us - 50_000_000 and sent.names[0] > self.first_name[self.device.boot]
        ]
        if held:
            sent = data.draw(st.sampled_from(held))
            self.dropped.remove(sent)
            self.deliver(sent)

    @rule(ns=st.lists(st.integers(1, 19), min_size=1, max_size=40))
    def reconnect(self, ns: list[int]) -> None:
        """The link goes, the device goes on and then sends again what the host lacks."""
        held = [self.device.take(n) for n in ns]
        self.assembler.connected()
        for sent in held:
            self.deliver(sent)

    @rule(
        off_us=st.integers(500_000, 20_000_000), unheard=st.integers(0, 12), n=st.integers(1, 19), asked=st.booleans()
    )
    def reboot(self, off_us: int, unheard: int, n: int, asked: bool) -> None:
        while not asked and self.device.ticks_us < 2_000_000 + (unheard + 1) * n * self.device.period_us:
            # whose first packets are lost, and who is on for longer now than before, can only be found out by asking
            self.send(19)
        newest = self.device.name
        self.device.reboot(off_us)
        self.dropped.clear()
        self.recent.clear()
        self.first_name[self.device.boot] = newest
        self.assembler.connected()
        self.dropped += [self.device.take(n) for _ in range(unheard)]
        if asked:
            self.ping()
        self.send(n)

    @rule()
    def ping(self) -> None:
        self.assembler.ping(self.device.ticks_us & 0xFFFFFFFF, self.device.host_us * 1000)

    @rule(ns=st.lists(st.integers(1, 19), min_size=1, max_size=40))
    def ping_that_packets_overtake(self, ns: list[int]) -> None:
        """A busy host hands packets on while the answer waits for its turn."""
        asked = self.device.ticks_us & 0xFFFFFFFF, self.device.host_us * 1000
        for n in ns:
            self.send(n)
        self.assembler.ping(*asked)

    @invariant()
    def nothing_is_invented(self) -> None:
        named = [name for _, counted in self.out for name in names_of(counted.values)]
        assert len(named) == len(set(named)) == len(self.came)
        assert set(named) == set(self.came)

    @invariant()
    def gaps_are_exact(self) -> None:
        by_boot: dict[int, list[Counted]] = {}
        for boot, counted in self.out:
            by_boot.setdefault(boot, []).append(counted)
        floor = -(10**12)
        for boot, block in by_boot.items():
            assert {counted.epoch for counted in block} == {boot}
            numbers = np.concatenate([counted.number for counted in block])
            names = np.array([name for counted in block for name in names_of(counted.values)])
            assert len(np.unique(numbers - names)) == 1
            # a sample was lost at least where a device rebooted
            assert numbers.min() > floor + 1
            floor = numbers.max()

    @invariant()
    def time_increases(self) -> None:
        blocks: dict[int, list[Counted]] = {}
        for _, counted in self.out:
            blocks.setdefault(counted.epoch, []).append(counted)
        for block in blocks.values():
            order = np.argsort(np.concatenate([counted.number for counted in block]))
            ticks = np.concatenate([counted.ticks for counted in block])[order]
            assert (np.diff(ticks) > 0).all()
            for counted in block:
                # a late packet between extrapolated neighbours may yield a little
                true = self.came[names_of(counted.values)[-1]]
                off = counted.ticks[-1] - block[0].ticks[-1] - (true - self.came[names_of(block[0].values)[-1]])
                assert off == 0 or (counted.late and -NOMINAL_US < off < 0)

    @invariant()
    def the_report_is_true(self) -> None:
        report = self.assembler.report
        assert report.samples == len(self.came)
        assert report.duplicates == self.duplicates
        assert report.late == self.late
        assert report.reboots == self.device.boot
        assert report.pauses == 0
        taken = sum(self.last_name[boot] + 1 - self.first_name[boot] for boot in self.last_name)
        assert report.lost == taken - len(self.came)


TestAir = Air.TestCase
TestAir.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
