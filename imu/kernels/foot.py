"""One foot, sample by sample: stillness, frame, contact, and the events they add up to. Arithmetic only."""

import math
from typing import NamedTuple

import numpy as np

from imu.core.records import (
    BREAK,
    CONTACT,
    LENGTH,
    LOOKBACK_S,
    NONE_NS,
    PROVISIONAL,
    RELEASE,
    REST_BEGINS,
    REST_ENDS,
    RESOLVED,
    SECOND,
)
from imu.kernels import contact, foot_frame, ring, stillness
from imu.kernels._jit import njit
from imu.kernels.contact import LANDING, NONE, STANCE, SWING
from imu.kernels.ring import MASK

# codes of tables.DIRECTIONS and tables.PATTERNS
UNCERTAIN, FORWARD, BACKWARD, IN_PLACE = 0, 1, 2, 3
HEEL_TO_TOE, TOE_TO_HEEL, FLAT = 1, 2, 3
# bits of tables.REASONS
START, TURN, STOP, GAP, SATURATED, AT_END = 1, 2, 4, 8, 16, 32

MOVING, STEPPED, FIDGET = 0, 1, 2
"""Of a foot that comes to quiet: not yet, after a step, after less than one."""

MOST_EVENTS = 12
"""No sample adds more events than this."""

STATE = np.dtype(
    [
        ("still", stillness.STATE),
        ("frame", foot_frame.STATE),
        ("swing", contact.STATE),
        ("ring", ring.STATE),
        ("low1", "<f8"),  # two first-order low-passes of the rate about the left axis
        ("low2", "<f8"),
        ("still_s", "<f8"),  # in a row of stillness
        ("rest_s", "<f8"),  # in a row of rest
        ("rest_from_ns", "<i8"),
        ("resting", "<i8"),  # 1 once a rest was reported and until it ends
        # of the swing under way
        ("reasons", "<i8"),
        ("provisional_ns", "<i8"),
        ("turn", "<f8"),  # rad, since the contact before
        ("pitch_high", "<f8"),
        ("pitch_low", "<f8"),
        # of the newest contact
        ("contact_ns", "<i8"),  # NONE_NS: none since the start or a reset
        ("shift", "<f8"),  # m, of its swing; NaN = unknown
        ("length_due", "<i8"),
        ("hole", "<i8"),  # most samples lost at once since the zero velocity before the swing
        ("release_due", "<i8"),
        ("second_due", "<i8"),
        ("second_i", "<i8"),  # next index to look at
        ("second_top", "<f8"),
        ("second_past", "<f8"),
        # mounting
        ("resolved", "<i8"),
        ("rises", "<f8"),  # rad, sum over swings of highest plus lowest pitch
        ("rises_n", "<i8"),
        ("rises_size", "<f8"),
    ]
)


class Coefficients(NamedTuple):
    still: stillness.Coefficients
    frame: foot_frame.Coefficients
    swing: contact.Coefficients
    low_weight: float
    still_after_s: float
    still_acc: float
    level_acc: float
    level_acc_start: float
    settle_level_s: float
    quick_level_s: float
    quiet_zero_s: float
    landing_least_s: float
    landing_rise_s: float
    landing_rise: float
    landing_most_s: float
    swing_most_s: float
    reset_gap_s: float
    rest_rate: float
    rest_s: float
    start_rest_s: float
    nominal_s: float
    in_place_m: float
    clear_turn_rad: float
    flat_rad: float
    flat_settled_rad: float
    turn_rad: float
    stop_share: float
    length_gap_n: int
    resolve_swings: int


@njit
def emit(out, n, s, kind, t_ns, now_ns):
    """Write one event with everything else unknown; the caller fills in what it knows."""
    e = out[n]
    e["kind"] = kind
    e["t_ns"] = t_ns
    e["t_emitted_ns"] = now_ns
    e["t_contact_ns"] = s["contact_ns"]
    e["t_provisional_ns"] = NONE_NS
    e["pattern"] = UNCERTAIN
    e["direction"] = UNCERTAIN
    e["quality"] = 0
    e["foot_angle_deg"] = math.nan
    e["confidence"] = math.nan
    e["length_m"] = math.nan
    e["turn_deg"] = math.nan
    return n + 1


@njit
def begin(s, ax, ay, az, c):
    """A first sample, or the first after a gap that nothing can bridge."""
    stillness.start(s["still"], ax, ay, az, c.still)
    foot_frame.restart(s["frame"])
    w = s["swing"]
    r = s["ring"]
    now = r["time"][(r["n"] - 1) & MASK] if r["n"] > 0 else 0.0
    contact.start_swing(w, now, max(0, r["n"] - 1))
    w["sign"] = 0
    w["lobe"], w["turned"], w["lobe_before"], w["turned_before"] = max(0, r["n"]), 0.0, 0, 0.0
    w["contact_s"] = now - 1e3
    w["quietest"] = s["still"]["rate"]
    s["still_s"] = 0.0
    s["rest_s"] = 0.0
    s["reasons"] = START
    s["provisional_ns"] = NONE_NS
    s["turn"] = 0.0
    s["contact_ns"] = NONE_NS
    s["shift"] = math.nan
    s["length_due"] = 0
    s["hole"] = 0
    s["release_due"] = 0
    s["second_due"] = 0


@njit
def level(s, c, dt):
    """Level early in stance and before the first stillness, by the running mean of the stance's specific force."""
    q, f, w = s["still"], s["frame"], s["swing"]
    off = abs(q["acc_norm"] - f["gravity"])
    if not (off < c.level_acc or (f["level"] == 0 and off < c.level_acc_start)):
        return
    gain = 0.0
    if w["phase"] == STANCE and q["rate"] < q["moving"]:
        gain = dt / (c.frame.level_early_s + min(f["level_s"], c.frame.level_memory_s) + dt)
    elif f["trusted"] == 0:
        gain = dt / (0.5 + dt)
    if f["level"] == 0 and q["quiet_s"] > c.quick_level_s:
        gain = 1.0
        f["level"] = 1
    if gain <= 0.0:
        return
    if gain < 1.0:
        gain *= foot_frame.slip_factor(f, foot_frame.apparent_tilt(f, q["acc"], q["acc_norm"]), c.frame)
    if w["phase"] == STANCE:
        f["level_s"] += dt
    foot_frame.level_by(f, q["acc"], q["acc_norm"], gain)


@njit
def stand(s, gx, gy, gz, dt, c):
    """One sample of stillness: level, zero velocity, learn what only stillness teaches."""
    q, f = s["still"], s["frame"]
    acc, norm = q["acc"], q["acc_norm"]
    sine2 = foot_frame.apparent_tilt(f, acc, norm)
    f["level_s"] += dt
    # a long stillness is believed whatever it says: a wrong level must never lock the foot out
    believe = foot_frame.slip_factor(f, sine2, c.frame) if s["still_s"] < c.settle_level_s else 1.0
    if f["level"] == 0:
        foot_frame.level_by(f, acc, norm, 1.0)
        f["level"] = 1
    else:
        gain = believe * dt / (c.frame.level_late_s + min(f["level_s"], c.frame.level_memory_s) + dt)
        foot_frame.level_by(f, acc, norm, gain)
    foot_frame.zero_velocity(f)
    f["trusted"] = 1
    quiet = q["rate"] < c.frame.bias_below and s["still_s"] > 0.2
    foot_frame.learn_in_stillness(f, acc, norm, believe, gx, gy, gz, quiet, dt, c.frame)


@njit
def pattern_of(turn, pitch, settled, c):
    """The settling rotation itself says which end landed first; it needs no zero of pitch.

    Unless there was none: a foot that came down level (`pitch` at contact) and has hardly turned since (`settled`)
    was still turning in the air.
    """
    if abs(pitch) < c.flat_rad and abs(settled) < c.flat_settled_rad:
        return FLAT
    if abs(turn) > c.clear_turn_rad:
        return HEEL_TO_TOE if turn > 0.0 else TOE_TO_HEEL
    if pitch > c.flat_rad:
        return HEEL_TO_TOE
    if pitch < -c.flat_rad:
        return TOE_TO_HEEL
    return FLAT


@njit
def direction_of(ahead, trusted, turn, pitch, c):
    """By the swing's displacement along the foot; without a zero velocity before it, only where all cues agree."""
    if trusted == 0:
        if turn > c.clear_turn_rad and pitch > 0.05:
            return FORWARD
        if turn < -c.clear_turn_rad and pitch < -0.05:
            return BACKWARD
        return UNCERTAIN
    if abs(ahead) < c.in_place_m:
        return IN_PLACE
    return FORWARD if ahead > 0.0 else BACKWARD


@njit
def confidence_of(pattern, direction, ahead, trusted, turn, pitch, c):
    """A first, coarse probability from how clear the cues are."""
    if pattern == UNCERTAIN or direction == UNCERTAIN:
        return 0.5
    p = 0.99
    if trusted == 0:
        p = 0.94
    if abs(turn) < 2.0 * c.clear_turn_rad or turn * pitch < 0.0:
        p -= 0.05
    if abs(abs(ahead) - c.in_place_m) < 0.05:
        p -= 0.1
    return p


@njit
def finish_contact(s, out, n, at, turn, now_ns, at_end, c):
    """The contact at sensor time `at` is decided: what it was, what the swing before it was, what is due after it."""
    f, w, r = s["frame"], s["swing"], s["ring"]
    i = r["n"] - 1
    k, first = i, ring.oldest(r)
    while k > first and r["time"][k & MASK] > at:
        k -= 1
    contact.learn_impact(w, r, i, k, c.swing)
    pitch = ring.pitch(r, k)
    ahead, aside = foot_frame.shift_without_drift(f)
    shift = math.hypot(ahead, aside) if f["trusted"] == 1 else math.nan
    reasons = s["reasons"]
    if abs(s["turn"]) > c.turn_rad:
        reasons |= TURN
    if s["shift"] > 0.0 and shift < c.stop_share * s["shift"]:
        reasons |= STOP
    if at_end:
        reasons |= AT_END
    if s["contact_ns"] != NONE_NS and s["release_due"] == 1:
        last = k
        t = contact.release_instant(w, r, last, c.swing)
        n = emit(out, n, s, RELEASE, ring.session_ns(r, min(t, at)), now_ns)
    n = drop_due(s, out, n, now_ns)
    known = s["resolved"] == 1
    t_ns = ring.session_ns(r, at)
    s["contact_ns"] = t_ns
    n = emit(out, n, s, CONTACT, t_ns, now_ns)
    e = out[n - 1]
    e["t_provisional_ns"] = s["provisional_ns"]
    e["quality"] = reasons
    e["turn_deg"] = math.degrees(s["turn"])
    if known:
        e["pattern"] = pattern_of(turn, pitch, ring.pitch(r, i) - pitch, c)
        e["direction"] = direction_of(ahead, f["trusted"], turn, pitch, c)
        if f["level"] == 1:
            e["foot_angle_deg"] = math.degrees(pitch)
        e["confidence"] = confidence_of(e["pattern"], e["direction"], ahead, f["trusted"], turn, pitch, c)
    else:
        e["confidence"] = 0.5
    w["contact_s"] = at
    s["shift"] = shift
    s["reasons"] = 0
    s["provisional_ns"] = NONE_NS
    s["turn"] = 0.0
    s["release_due"] = 1
    s["length_due"] = 1
    s["second_due"] = 1
    s["second_i"] = max(ring.back(r, k, 0.03), first)
    s["second_top"] = 0.0
    s["second_past"] = 0.0
    w["candidate_sign"] = 1.0 if turn > 0.0 else -1.0
    return n


@njit
def drop_due(s, out, n, now_ns):
    """Before a new contact: what the one before still waits for will not come."""
    if s["length_due"] == 1:
        n = emit(out, n, s, LENGTH, s["contact_ns"], now_ns)
        s["length_due"] = 0
    s["second_due"] = 0
    return n


@njit
def finish_length(s, out, n, now_ns, c):
    """At the stillness after a contact: the stride that it ended, freed of linear drift."""
    f = s["frame"]
    if s["length_due"] == 0:
        return n
    n = emit(out, n, s, LENGTH, s["contact_ns"], now_ns)
    if f["trusted"] == 1 and s["hole"] <= c.length_gap_n:
        ahead, aside = foot_frame.shift_without_drift(f)
        out[n - 1]["length_m"] = math.hypot(ahead, aside)
    s["length_due"] = 0
    return n


@njit
def follow_second(s, out, n, now_ns, last, c):
    """The other end is down when the settling rotation has come to its end."""
    r, w = s["ring"], s["swing"]
    time, i = r["time"], r["n"] - 1
    settle = 0.0 if last else ring.TRIANGLE_S
    while s["second_due"] == 1 and s["second_i"] <= i:
        k = s["second_i"]
        if time[i & MASK] - time[k & MASK] < settle:
            break
        z = w["candidate_sign"] * ring.lobe(r, k, i)
        since = time[k & MASK] - w["contact_s"]
        bound = c.swing.second_share * s["second_top"]
        if z > s["second_top"]:
            s["second_top"] = z
        elif since > 0.0 and z < bound:
            before = s["second_past"]
            share = (before - bound) / (before - z) if before > z else 1.0
            at = time[(k - 1) & MASK] + share * (time[k & MASK] - time[(k - 1) & MASK])
            n = emit(out, n, s, SECOND, ring.session_ns(r, max(at, w["contact_s"])), now_ns)
            s["second_due"] = 0
        elif since > c.swing.second_wait_s:
            s["second_due"] = 0
        s["second_past"] = z
        s["second_i"] = k + 1
    return n


@njit
def resolve_mounting(s, out, n, now_ns, c):
    """Mounting unknown: which way is forward? The heel rises further than the toe in either direction of walking."""
    f, w = s["frame"], s["swing"]
    s["rises"] += s["pitch_high"] + s["pitch_low"]
    s["rises_size"] += abs(s["pitch_high"] + s["pitch_low"])
    s["rises_n"] += 1
    if s["rises_n"] < c.resolve_swings or abs(s["rises"]) < 0.5 * s["rises_size"]:
        return n
    if s["rises"] > 0.0:
        for k in range(3):
            f["left"][k] = -f["left"][k]
            f["forward"][k] = -f["forward"][k]
        s["low1"], s["low2"] = -s["low1"], -s["low2"]
        w["sign"], w["turned"], w["turned_before"] = -w["sign"], -w["turned"], -w["turned_before"]
        w["candidate_sign"] = -w["candidate_sign"]
        r = s["ring"]
        for k in range(ring.SIZE):
            r["rate"][k] = -r["rate"][k]
            r["smooth"][k] = -r["smooth"][k]
            r["ahead"][k] = -r["ahead"][k]
    s["resolved"] = 1
    n = emit(out, n, s, RESOLVED, now_ns, now_ns)
    out[n - 1]["confidence"] = abs(s["rises"]) / s["rises_size"]
    return n


@njit
def follow_rest(s, out, n, t_ns, now_ns, dt, c):
    """Rest is a stance so quiet and so long that the person stands."""
    if s["still_s"] > 0.0 and s["still"]["rate"] < c.rest_rate:
        if s["rest_s"] == 0.0:
            s["rest_from_ns"] = t_ns
        s["rest_s"] += dt
        if s["resting"] == 0 and s["rest_s"] >= c.rest_s:
            s["resting"] = 1
            n = emit(out, n, s, REST_BEGINS, s["rest_from_ns"], now_ns)
        if s["rest_s"] >= c.start_rest_s:
            s["reasons"] |= START
    else:
        s["rest_s"] = 0.0
        if s["resting"] == 1:
            s["resting"] = 0
            n = emit(out, n, s, REST_ENDS, t_ns, now_ns)
    return n


@njit
def late_contact(s, i, c):
    """Came to quiet without a clear reversal: (what it was, sensor time, rotation)."""
    q, f, w, r = s["still"], s["frame"], s["swing"], s["ring"]
    time = r["time"]
    now = time[i & MASK]
    off = abs(q["acc_norm"] - f["gravity"])
    long_still = s["still_s"] > c.still_after_s
    slowed = w["slowest"] < max(c.swing.slow_share * w["peak"], c.swing.slow_speed)
    fast = w["peak"] > c.swing.peak_least
    trusted = f["trusted"] == 1
    settled = (
        trusted
        and fast
        and q["quieter_s"] > 0.05
        and off < 1.5
        and abs(f["ahead"]) < 0.22 * f["above"]
        and now > time[w["peak_i"] & MASK] + 0.05
        and (slowed or q["quieter_s"] > 0.1)
    )
    quiet = (
        not trusted
        and q["quiet_s"] > 0.05
        and (off < 2.0 or q["quiet_s"] > 0.07)
        and (abs(w["turned"]) > 0.15 or abs(w["turned_before"]) > 0.15)
    )
    if not (settled or quiet or (long_still and fast)):
        return MOVING, 0.0, 0.0
    lobe, turn = w["lobe"], w["turned"]
    before = w["turned_before"]
    if abs(turn) <= c.swing.settle_rad and abs(before) > c.swing.settle_rad:
        if now - time[w["lobe_before"] & MASK] < 0.35:
            lobe, turn = w["lobe_before"], before
    since = time[w["peak_i"] & MASK] - 0.03 if trusted else w["moved_s"]
    first, floor = i, ring.oldest(r)
    while first > floor and time[first & MASK] > max(since, now - 0.45):
        first -= 1
    if abs(turn) > c.swing.settle_rad and lobe >= first:
        at = contact.instant(r, max(floor, lobe - 4), lobe, i, 1.0 if turn > 0.0 else -1.0, c.swing)
    else:
        weight, moment = 1e-9, 0.0
        for k in range(first, i + 1):
            u = r["jerk"][k & MASK] ** 2
            weight += u
            moment += u * (time[k & MASK] - time[first & MASK])
        at = time[first & MASK] + moment / weight
    if trusted and w["peak"] < 0.8:
        weak = w["impact"] <= 0.0 or contact.hardest(r, first, i) < c.swing.impact_share * w["impact"]
        ahead, aside = foot_frame.shift_without_drift(f)
        if weak and math.hypot(ahead, aside) < c.in_place_m:
            return FIDGET, 0.0, 0.0
    return STEPPED, at, turn


@njit
def swing_step(s, out, n, i, now, now_ns, c):
    """One sample of a swing: follow its speed, look for the contact that ends it."""
    q, f, w, r = s["still"], s["frame"], s["swing"], s["ring"]
    if s["resolved"] == 0:
        pitch = ring.pitch(r, i)
        s["pitch_high"] = max(s["pitch_high"], pitch)
        s["pitch_low"] = min(s["pitch_low"], pitch)
    if f["speed"] > w["peak"]:
        w["peak"], w["peak_i"], w["slowing_i"] = f["speed"], i, i
        w["slowest"] = f["speed"]
        w["candidate"] = NONE
    w["slowest"] = min(w["slowest"], f["speed"])
    if w["slowest"] > 0.5 * w["peak"]:
        w["slowing_i"] = i
    moved = now - w["moved_s"]
    if moved > c.swing_most_s:
        f["trusted"] = 0
    found, at, turn = False, 0.0, 0.0
    came = MOVING
    ripe = moved > c.swing.swing_least_s and now - w["contact_s"] > c.swing.apart_s
    if ripe and contact.look_for_candidate(w, r, i, f["trusted"] == 1, c.swing):
        s["provisional_ns"] = now_ns
        n = emit(out, n, s, PROVISIONAL, r["t_ns"][w["candidate"] & MASK], now_ns)
    if w["candidate"] != NONE:
        found, at = contact.candidate_instant(w, r, i, c.swing)
        turn = w["candidate_sign"] * w["candidate_turn"]
    if not found and ripe:
        came, at, turn = late_contact(s, i, c)
    if found or came == STEPPED:
        at = max(at, w["contact_s"] + 1e-3, now - LOOKBACK_S)
        n = finish_contact(s, out, n, at, turn, now_ns, False, c)
        w["phase"] = LANDING
        w["quietest"] = q["rate"]
        f["level_s"] = 0.0
        if came == STEPPED:
            n = finish_landing(s, out, n, now_ns, True, c)
    elif came == FIDGET or s["still_s"] > c.still_after_s:
        contact.at_rest(w, q["rate"])
        foot_frame.zero_velocity(f)
    return n


@njit
def finish_landing(s, out, n, now_ns, settled, c):
    """The foot has come to stance: the stride's length is known, velocity is zero."""
    f, w = s["frame"], s["swing"]
    n = finish_length(s, out, n, now_ns, c)
    if s["resolved"] == 0 and f["trusted"] == 1:
        n = resolve_mounting(s, out, n, now_ns, c)
    contact.at_rest(w, s["still"]["rate"])
    foot_frame.zero_velocity(f)
    s["hole"] = 0
    if not settled:
        f["trusted"] = 0
    elif f["level"] == 1:
        f["trusted"] = 1
    return n


@njit
def step(s, out, n, t_ns, dt, lost, clipped, jumped, ax, ay, az, gx, gy, gz, c):
    """Advance by one sample; events go to out[n:], returns the new n."""
    q, f, w, r = s["still"], s["frame"], s["swing"], s["ring"]
    now_ns = t_ns
    first = r["n"] == 0
    gap = lost > 0 and dt > c.reset_gap_s
    if gap or first:
        if gap:
            if s["resting"] == 1:
                s["resting"] = 0
                n = emit(out, n, s, REST_ENDS, t_ns, now_ns)
            n = drop_due(s, out, n, now_ns)
            n = emit(out, n, s, BREAK, t_ns, now_ns)
        begin(s, ax, ay, az, c)
        if gap:
            s["reasons"] |= GAP
    elif jumped:
        n = emit(out, n, s, BREAK, t_ns, now_ns)
    if lost > 0 or jumped:
        s["reasons"] |= GAP
        s["hole"] = max(s["hole"], lost)
    if clipped:
        s["reasons"] |= SATURATED
    if gap:
        # nothing can be integrated across it
        dt = c.nominal_s
    ring.push_acc(r, t_ns, dt, ax, ay, az)
    i = r["n"] - 1
    j = i & MASK
    now = r["time"][j]
    bias = f["bias"]
    x, y, z = gx - bias[0], gy - bias[1], gz - bias[2]
    stillness.step(q, ax, ay, az, math.sqrt(x * x + y * y + z * z), dt, c.still)
    calm = q["rate"] < q["still"] and abs(q["acc_norm"] - f["gravity"]) < c.still_acc
    s["still_s"] = s["still_s"] + dt if calm else 0.0
    still = s["still_s"] > c.still_after_s
    foot_frame.step(f, ax, ay, az, gx, gy, gz, dt, c.frame)
    s["turn"] += f["rate_up"] * dt
    if not still:
        level(s, c, dt)
    foot_frame.look(f, dt)
    if still:
        stand(s, gx, gy, gz, dt, c)
    s["low1"] += c.low_weight * (f["rate_left"] - s["low1"])
    s["low2"] += c.low_weight * (s["low1"] - s["low2"])
    r["rate"][j], r["smooth"][j], r["speed"][j] = f["rate_left"], s["low2"], f["speed"]
    r["ahead"][j], r["above"][j] = f["ahead"], f["above"]
    contact.follow_lobes(w, r, i, dt, c.swing)
    n = follow_rest(s, out, n, t_ns, now_ns, dt, c)
    if s["second_due"] == 1:
        n = follow_second(s, out, n, now_ns, False, c)
    if w["phase"] == LANDING:
        since = now - w["contact_s"]
        w["quietest"] = min(w["quietest"], q["rate"])
        rising = since > c.landing_rise_s and q["rate"] > c.landing_rise * w["quietest"] and w["quietest"] < 3.0
        over = since > c.landing_most_s
        if over or still or rising or (since > c.landing_least_s and q["rate"] < q["moving"]):
            n = finish_landing(s, out, n, now_ns, not over, c)
    elif w["phase"] == STANCE:
        w["quietest"] = min(w["quietest"], q["rate"])
        if q["rate"] < q["moving"]:
            if q["rate"] < max(q["still"], 1.15 * w["quietest"]) or f["since_zero_s"] > c.quiet_zero_s:
                foot_frame.zero_velocity(f)
                s["hole"] = 0
            if s["release_due"] == 0:
                # between the zero velocity and the swing nothing is at stake
                s["reasons"] &= START | GAP if s["contact_ns"] == NONE_NS else START
        else:
            contact.start_swing(w, now, i)
            f["level_s"] = 0.0
            s["pitch_high"] = s["pitch_low"] = ring.pitch(r, i)
    else:
        n = swing_step(s, out, n, i, now, now_ns, c)
    return n


@njit
def run(state, start, t_ns, dt, lost, clipped, jumped, acc, gyr, c, out):
    """Loop of `step` from sample `start` while `out` has room; returns (next sample, events written)."""
    s = state[0]
    n, i = 0, start
    while i < t_ns.shape[0] and n + MOST_EVENTS <= out.shape[0]:
        n = step(
            s,
            out,
            n,
            t_ns[i],
            dt[i],
            lost[i],
            clipped[i],
            jumped[i],
            acc[i, 0],
            acc[i, 1],
            acc[i, 2],
            gyr[i, 0],
            gyr[i, 1],
            gyr[i, 2],
            c,
        )
        i += 1
    return i, n


@njit
def flush(state, c, out):
    """End of stream: decide what is pending; returns the number of events written."""
    s = state[0]
    w, r = s["swing"], s["ring"]
    n = 0
    if r["n"] == 0:
        return n
    i = r["n"] - 1
    now, now_ns = r["time"][i & MASK], r["t_ns"][i & MASK]
    if s["second_due"] == 1:
        n = follow_second(s, out, n, now_ns, True, c)
    if w["phase"] == SWING and w["candidate"] != NONE:
        first = max(ring.back(r, w["candidate"], c.swing.before_reversal_s), ring.oldest(r))
        at = contact.instant(r, first, w["candidate"], i, w["candidate_sign"], c.swing)
        at = max(at, w["contact_s"] + 1e-3, now - LOOKBACK_S)
        n = finish_contact(s, out, n, at, w["candidate_sign"] * w["candidate_turn"], now_ns, True, c)
        n = follow_second(s, out, n, now_ns, True, c)
    elif w["phase"] == SWING and s["release_due"] == 1 and w["peak"] > c.swing.peak_least:
        n = emit(out, n, s, RELEASE, ring.session_ns(r, contact.release_instant(w, r, i, c.swing)), now_ns)
    n = finish_length(s, out, n, now_ns, c)
    s["release_due"], s["second_due"] = 0, 0
    return n
