"""What one foot found: contacts and what is due after them, told from the state at the moment. Arithmetic only."""

import math

from imu.core.records import CONTACT, LENGTH, NONE_NS, RELEASE, RESOLVED, REST_BEGINS, REST_ENDS, SECOND
from imu.kernels import contact, foot_frame, ring
from imu.kernels._jit import njit
from imu.kernels.foot_state import (
    AT_END,
    BACKWARD,
    FLAT,
    FORWARD,
    GAP,
    HEEL_TO_TOE,
    IN_PLACE,
    SATURATED,
    START,
    STOP,
    TOE_TO_HEEL,
    TURN,
    UNCERTAIN,
    emit,
)
from imu.kernels.ring import MASK

# confidence, and what is taken from it
CLEAR, NO_ZERO_VELOCITY, UNKNOWN = 0.99, 0.94, 0.5
WEAK_SETTLING, WEAK_SHIFT, FLAWED_SWING = 0.05, 0.10, 0.12
NEAR_IN_PLACE_M = 0.05


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
        if turn > c.clear_turn_rad and pitch > c.agree_rad:
            return FORWARD
        if turn < -c.clear_turn_rad and pitch < -c.agree_rad:
            return BACKWARD
        return UNCERTAIN
    if abs(ahead) < c.in_place_m:
        return IN_PLACE
    return FORWARD if ahead > 0.0 else BACKWARD


@njit
def confidence_of(pattern, direction, ahead, trusted, turn, pitch, reasons, c):
    """A coarse probability that both labels are right: how often they were, on recordings with truth, where the cues
    were as clear as here.
    """
    if pattern == UNCERTAIN or direction == UNCERTAIN:
        return UNKNOWN
    p = CLEAR if trusted == 1 else NO_ZERO_VELOCITY
    if abs(turn) < 2.0 * c.clear_turn_rad or turn * pitch < 0.0:
        p -= WEAK_SETTLING
    if abs(abs(ahead) - c.in_place_m) < NEAR_IN_PLACE_M:
        p -= WEAK_SHIFT
    if reasons & (GAP | SATURATED):
        p -= FLAWED_SWING
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
        t = contact.release_instant(w, r, k, c.swing)
        # no part leaves before the other end is down
        n = emit(out, n, s, RELEASE, ring.session_ns(r, min(max(t, s["down_s"]), at)), now_ns)
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
        if f["level"] == 1 and (f["trusted"] == 1 or abs(pitch) < c.angle_most_rad):
            e["foot_angle_deg"] = math.degrees(pitch)
        e["confidence"] = confidence_of(e["pattern"], e["direction"], ahead, f["trusted"], turn, pitch, reasons, c)
    else:
        e["confidence"] = UNKNOWN
    w["contact_s"] = at
    s["shift"] = shift
    s["reasons"] = 0
    s["provisional_ns"] = NONE_NS
    s["turn"] = 0.0
    s["release_due"] = 1
    s["length_due"] = 1
    s["second_due"] = 1
    s["second_i"] = max(ring.back(r, k, c.swing.before_reversal_s), first)
    s["second_sign"] = 1.0 if turn > 0.0 else -1.0
    s["second_top"] = 0.0
    s["second_past"] = 0.0
    s["down_s"] = at
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
        z = s["second_sign"] * ring.lobe(r, k, i)
        since = time[k & MASK] - w["contact_s"]
        bound = c.swing.second_share * s["second_top"]
        if z > s["second_top"]:
            s["second_top"] = z
        elif since > 0.0 and z < bound:
            before = s["second_past"]
            share = (before - bound) / (before - z) if before > z else 1.0
            at = time[(k - 1) & MASK] + share * (time[k & MASK] - time[(k - 1) & MASK])
            s["down_s"] = max(at, w["contact_s"])
            n = emit(out, n, s, SECOND, ring.session_ns(r, s["down_s"]), now_ns)
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
    if foot_frame.off_axis(f, c.frame) > c.resolve_axis:
        # this swing's pitch was no pitch, nor was that of those before it
        s["rises"], s["rises_size"], s["rises_n"] = 0.0, 0.0, 0
        return n
    s["rises"] += s["pitch_high"] + s["pitch_low"]
    s["rises_size"] += abs(s["pitch_high"] + s["pitch_low"])
    s["rises_n"] += 1
    if s["rises_n"] < c.resolve_swings or abs(s["rises"]) < c.resolve_share * s["rises_size"]:
        return n
    if s["rises"] > 0.0:
        for k in range(3):
            f["left"][k] = -f["left"][k]
            f["forward"][k] = -f["forward"][k]
        f["heading"][0], f["heading"][1] = -f["heading"][0], -f["heading"][1]
        s["low1"], s["low2"] = -s["low1"], -s["low2"]
        w["sign"], w["turned"], w["turned_before"] = -w["sign"], -w["turned"], -w["turned_before"]
        w["candidate_sign"] = -w["candidate_sign"]
        s["second_sign"] = -s["second_sign"]
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
