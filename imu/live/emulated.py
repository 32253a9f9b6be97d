"""Sensors that a simulated person wears, in an emulated air on this machine: for the demo, the tests and the bench.

Needs the extra `emulator` (bumble) as soon as an `Emulation` is made, and not before.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from math import degrees, radians
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

from firmware_bridge.ogi import MOST_SAMPLES
from imu.core.errors import BadSpec, RetrogaitError
from imu.core.samples import Samples
from imu.core.session import SENSORS, Sensor
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.live.standing import Standing
from imu.simulate.limits import check
from imu.simulate.protocol import Stand
from imu.simulate.recording import Recording, simulate
from imu.simulate.sensors import Clock, Link, SensorModel
from imu.simulate.spec import Spec

if TYPE_CHECKING:
    from firmware_bridge.emulator import sensor as device
    from firmware_bridge.emulator.air import Air, Peripheral
    from firmware_bridge.emulator.bleak_backend import BumbleClient, BumbleScanner

LEAD_S: Final = 6.0
"""Three sensors are found, connected and started in some 2.6 s; after that it is quiet standing."""
SERIALS: Final[Mapping[Sensor, str]] = MappingProxyType(
    {"foot_left": "LEFT", "foot_right": "RIGHT", "pelvis": "PELVIS"}
)
ROLES: Final[Mapping[Sensor, str]] = MappingProxyType(
    {"foot_left": "left_foot", "foot_right": "right_foot", "pelvis": "pelvis"}
)
"""As INFO of the open profile calls them."""
DRIFT_PPM: Final[Mapping[Sensor, float]] = MappingProxyType({"foot_left": 18.0, "foot_right": -26.0, "pelvis": 5.0})
"""Crystals of wearables are good to 40 parts per million or so, each in its own way."""
PERIOD_UNITS_PER_S: Final = 1e5
"""The open profile tells sample periods in 10 us."""
COUNTS: Final = 1 << 15
"""Either way, over a sensor's range."""
BLOCK_SAMPLES: Final = 512
"""Are simulated at a time: 2 to 4 ms of the event loop's time, every 2.5 s at 200 Hz."""


class NoEmulator(RetrogaitError, ImportError):
    """The extra with the emulated radio is not installed."""


class NotOpen(RetrogaitError, RuntimeError):
    """An emulation that is not in its `async with`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Of the air and of the devices in it.

    Raises:
        BadSpec: what can't be.
    """

    interval_s: float = 0.015
    """From connection event to connection event; 0 = no air, all is delivered at once."""
    lost_events: float = 0.0
    """Share of connection events in which nothing gets through."""
    drift_ppm: Mapping[Sensor, float] = field(default_factory=lambda: DRIFT_PPM)
    """How fast each sensor's clock runs; one that is not named runs right."""
    packet_samples: int = 10
    """On average, as the sensors vary it."""
    heart_bpm: int | None = None
    """Of a heart rate strap; None = none is worn."""
    seed: int = 0
    """Of what is lost when."""

    def __post_init__(self) -> None:
        check("interval_s", self.interval_s, 0.0, 1.0, "s", "in ms?")
        check("lost_events", self.lost_events, 0.0, 0.95, "of the connection events", "percent?")
        check("packet_samples", self.packet_samples, 1, MOST_SAMPLES, "samples", "in ms?")
        if self.heart_bpm is not None:
            check("heart_bpm", self.heart_bpm, 20, 250, "beats a minute", "in Hz?")


def worn_by(spec: Spec, *, seed: int, lead_s: float = LEAD_S, conditions: Conditions | None = None) -> Recording:
    """The person walks through the protocol, wearing sensors that can be emulated.

    Their clocks are those of the conditions and their sample periods those that the open profile can tell. Noise stays
    as it is; losses on the way are the air's. Standing comes before the protocol, and where that is repeated before
    each round: time to connect, and for a recording to begin.

    Raises:
        BadSpec: as `simulate`.
    """
    drift_ppm = (conditions or Conditions()).drift_ppm
    person, protocol, sensors = spec
    lasting_s = None if protocol.duration_s is None else lead_s + protocol.duration_s
    return simulate(
        person,
        replace(protocol, segments=(Stand(seconds=lead_s), *protocol.segments), duration_s=lasting_s),
        {
            name: replace(
                model, rate_hz=_told(model.rate_hz), clock=Clock(drift_ppm=drift_ppm.get(name, 0.0)), link=Link()
            )
            for name, model in sensors.items()
        },
        seed=seed,
    )


def _told(rate_hz: float) -> float:
    """The nearest rate whose period the open profile can tell."""
    return PERIOD_UNITS_PER_S / round(PERIOD_UNITS_PER_S / rate_hz)


def setups(recording: Recording) -> dict[Sensor, dict[str, Any]]:
    """What session.json says of each worn sensor: rate, mounting, placement, ranges."""
    told: Mapping[Sensor, Mapping[str, Any]] = recording.session.document["sensors"]
    return {name: dict(said) for name, said in told.items()}


class _Open(NamedTuple):
    """What there is while the air is open."""

    air: "Air"
    devices: Mapping[Sensor, "device.Sensor"]
    origin_s: float


class Emulation:
    """`async with Emulation(recording) as emulation: BleakClient(..., backend=emulation.client)`.

    The person begins to walk through the protocol when the air opens, whoever is connected by then, and does so once.
    """

    def __init__(
        self,
        recording: Recording,
        conditions: Conditions | None = None,
        *,
        standing: Standing | None = None,
        port: int = 0,
        on_sampled: "Callable[[Sensor, device.Sampled], None] | None" = None,
    ) -> None:
        """Args: who walks, as `worn_by` makes it; the same conditions as there (None = the recording's clocks in a good
        air); how they stand until they are told to `walk_off` (None = they walk when the air opens); TCP port for other
        programs (0 = a free one); who wants to know what each sensor samples, packet by packet.

        Raises:
            NoEmulator: bumble is not installed.
            BadSpec: a sensor that can't be emulated, or whose clock is not that of the conditions.
        """
        if find_spec("bumble") is None:
            raise NoEmulator(
                "there is no bumble, the Bluetooth stack that emulated sensors need; want the extra with it:"
                " pip install 'retrogait[emulator]'"
            )
        clocks: dict[Sensor, float] = {name: model.clock.drift_ppm for name, model in recording.sensors.items()}
        self._conditions = conditions or Conditions(drift_ppm=clocks)
        for name, model in recording.sensors.items():
            _check(name, model, self._conditions.drift_ppm.get(name, 0.0))
        self.worn: Mapping[Sensor, str] = MappingProxyType(
            {name: SERIALS[name] for name in SENSORS if name in recording.sensors}
        )
        """Serial numbers."""
        self._recording, self._standing, self._port, self._on_sampled = recording, standing, port, on_sampled
        self._stack = AsyncExitStack()
        self._open: _Open | None = None

    async def __aenter__(self) -> Self:
        """The person stands there, and all devices advertise."""
        # an extra, and slow to load: before the person begins
        from firmware_bridge.emulator import air, radio  # noqa: PLC0415

        said = self._conditions
        waves = radio.Radio(interval_s=said.interval_s, lost_events=said.lost_events, seed=said.seed)
        origin_s = asyncio.get_running_loop().time()
        devices = self._devices(origin_s)
        peripherals = [*devices.values(), *self._beside(origin_s)]
        opened = await self._stack.enter_async_context(air.Air(peripherals, radio=waves, port=self._port))
        self._open = _Open(opened, devices, origin_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All devices are off from here on."""
        self._open = None
        await self._stack.aclose()

    def _devices(self, origin_s: float) -> "dict[Sensor, device.Sensor]":
        from firmware_bridge.emulator import sensor  # noqa: PLC0415  # as above

        devices: dict[Sensor, sensor.Sensor] = {}
        for name, serial in self.worn.items():
            worn = self._recording.sensors[name]
            acc_range_g = worn.noise.acc_range_m_s2 / STANDARD_GRAVITY_M_S2
            gyr_range_deg_s = degrees(worn.noise.gyr_range_rad_s)
            model = sensor.Model(
                serial=serial,
                role=ROLES[name],
                rate_hz=worn.rate_hz,
                drift_ppm=worn.clock.drift_ppm,
                packet_samples=self._conditions.packet_samples,
                origin_s=origin_s,
                acc_range_g=round(acc_range_g),
                gyr_range_deg_s=round(gyr_range_deg_s),
                acc_count_ng=round(1e9 * acc_range_g / COUNTS),
                gyr_count_ndeg_s=round(1e9 * gyr_range_deg_s / COUNTS),
            )
            told = None if self._on_sampled is None else partial(self._on_sampled, name)
            devices[name] = sensor.Sensor(model, _counts(self._samples(name), model), on_sampled=told)
        return devices

    def _samples(self, sensor: Sensor) -> Iterator[Samples]:
        """All that a sensor samples, in order of time."""
        if self._standing is not None:
            yield from self._standing.before(sensor)
        yield from self._recording.taken(sensor, BLOCK_SAMPLES)
        if self._standing is not None:
            yield from self._standing.after(sensor)

    def _beside(self, origin_s: float) -> "Iterator[Peripheral]":
        """What is there besides sensors."""
        from firmware_bridge.emulator import heart, treadmill  # noqa: PLC0415  # as above

        recording, standing = self._recording, self._standing

        class Belt(treadmill.Treadmill):
            def payload(self) -> bytes:
                stood_s = 0.0 if standing is None else standing.seconds
                since_s = 0.0 if stood_s is None else asyncio.get_running_loop().time() - origin_s - stood_s
                # a treadmill knows no sign: people turn round on it
                self.speed_m_s = abs(float(recording.belt_speed(np.array([max(0.0, since_s)]))[0]))
                return super().payload()

        if recording.treadmill is not None:
            yield Belt()
        if self._conditions.heart_bpm is not None:
            yield heart.HeartStrap(bpm=self._conditions.heart_bpm)

    def _opened(self) -> _Open:
        if self._open is None:
            raise NotOpen("this emulation is not there, not yet or no more; use it in `async with`")
        return self._open

    @property
    def transport(self) -> str:
        """HCI for other programs, as bumble names transports."""
        return self._opened().air.transport

    @property
    def client(self) -> "type[BumbleClient]":
        """For `bleak.BleakClient(..., backend=)`."""
        return self._opened().air.client

    @property
    def scanner(self) -> "type[BumbleScanner]":
        """For `bleak.BleakScanner(..., backend=)`."""
        return self._opened().air.scanner

    @property
    def origin_s(self) -> float:
        """`loop.time()` at time 0 of the recording: what is true at `t_ns` happens at `origin_s + t_ns / 1e9`.

        Raises:
            NotOpen: before the air opens; and while they stand until they are told to walk, nobody knows.
        """
        stood_s = 0.0 if self._standing is None else self._standing.seconds
        if stood_s is None:
            raise NotOpen("they stand until they are told to walk_off(); when that will be is not known")
        return self._opened().origin_s + stood_s

    async def finished(self) -> None:
        """Returns when the person has come to the end and the sensors have made their last packets of it."""
        loop, rates_hz = asyncio.get_running_loop(), [model.rate_hz for model in self._recording.sensors.values()]
        # sensors make packets of one sample more, too
        packet_s = (self._conditions.packet_samples + 1) / min(rates_hz)
        await asyncio.sleep(self.origin_s + self._recording.duration_s + packet_s - loop.time())

    def disconnect(self, sensor: Sensor) -> int:
        """Break its links now, as a lost radio does. Returns how many there were."""
        opened = self._opened()
        return opened.air.disconnect(opened.devices[sensor])

    def reboot(self, sensor: Sensor, off_s: float = 0.5) -> None:
        """Its battery lost contact: links break, counters and clock begin anew, and it is not there for a while."""
        opened = self._opened()
        opened.air.reboot(opened.devices[sensor], off_s)

    def shadow(self, sensor: Sensor, duration_s: float) -> None:
        """The body stands between: nothing of it gets through for a while."""
        opened = self._opened()
        opened.air.shadow(opened.devices[sensor], duration_s)


def _check(name: Sensor, model: SensorModel, drift_ppm: float) -> None:
    """Refuse sensors whose samples would be taken at other times than those of an emulated one."""
    wanted = "want what worn_by makes"
    if _told(model.rate_hz) != model.rate_hz:
        nearest_hz = _told(model.rate_hz)
        raise BadSpec(f"{name} has rate_hz {model.rate_hz:g}; {wanted}, here {nearest_hz:.6g}", key="rate_hz")
    if model.clock.wander_ppm:
        raise BadSpec(f"{name} has a clock that wanders; {wanted}: a steady one", key="wander_ppm")
    if model.clock.drift_ppm != drift_ppm:
        raise BadSpec(
            f"{name} has a clock that drifts by {model.clock.drift_ppm:g} ppm, and {drift_ppm:g} in the conditions;"
            f" {wanted} of the same conditions",
            key="drift_ppm",
        )


def _counts(taken: Iterable[Samples], model: "device.Model") -> "Iterator[device.Counts]":
    """What a sensor samples, (n, 6) int16, made while it is read."""
    acc_m_s2 = 1e-9 * model.acc_count_ng * STANDARD_GRAVITY_M_S2
    gyr_rad_s = radians(1e-9 * model.gyr_count_ndeg_s)
    for samples in taken:
        counts = np.rint(np.hstack([samples.acc / acc_m_s2, samples.gyr / gyr_rad_s]))
        yield np.clip(counts, -COUNTS, COUNTS - 1).astype(np.int16)
