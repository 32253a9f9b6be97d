"""One foot, sample by sample: stillness, frame, contact, and the events they add up to. Arithmetic only."""

import math

from imu.core.records import BREAK, LOOKBACK_S, NONE_NS, PROVISIONAL, RELEASE, REST_ENDS
from imu.kernels import contact, foot_frame, ring, stillness
from imu.kernels._jit import njit
from imu.kernels.contact import LANDING, NONE, STANCE, SWING
from imu.kernels.foot_findings import (
    drop_due,
    finish_contact,
    finish_length,
    follow_rest,
    follow_second,
    resolve_mounting,
)
from imu.kernels.foot_quiet import FIDGET, MOVING, STEPPED, late_contact
from imu.kernels.foot_state import GAP, MOST_EVENTS, SATURATED, START, emit
from imu.kernels.ring import MASK


@njit
def begin(s, i, now, ax, ay, az, c):
    """A first sample, or the first after a gap that nothing can bridge: index i of the ring, at sensor time `now`."""
    stillness.start(s["still"], ax, ay, az, c.still)
    foot_frame.restart(s["frame"])
    w = s["swing"]
    contact.start_swing(w, now, i)
    w["sign"] = 0
    w["lobe"], w["turned"], w["lobe_before"], w["turned_before"] = i, 0.0, 0, 0.0
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
        gain = dt / (c.level_start_s + dt)
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
    believe = foot_frame.slip_factor(f, sine2, c.frame) if s["still_s"] < c.believe_after_s else 1.0
    if f["level"] == 0:
        foot_frame.level_by(f, acc, norm, 1.0)
        f["level"] = 1
    else:
        gain = believe * dt / (c.frame.level_late_s + min(f["level_s"], c.frame.level_memory_s) + dt)
        foot_frame.level_by(f, acc, norm, gain)
    if s["swing"]["phase"] == STANCE or f["trusted"] == 0:
        # else a swing ends here, which needs its shift: it'll set velocity to zero itself
        foot_frame.zero_velocity(f)
    f["trusted"] = 1
    quiet = q["rate"] < c.frame.bias_below and s["still_s"] > c.bias_after_s
    foot_frame.learn_in_stillness(f, acc, norm, believe, gx, gy, gz, quiet, dt, c.frame)


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
        at = max(at, w["contact_s"] + c.swing.apart_s, now - LOOKBACK_S)
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
    ring.push_acc(r, t_ns, dt, ax, ay, az)
    i = r["n"] - 1
    j = i & MASK
    now = r["time"][j]
    if gap or first:
        if gap:
            if s["resting"] == 1:
                s["resting"] = 0
                n = emit(out, n, s, REST_ENDS, t_ns, now_ns)
            n = drop_due(s, out, n, now_ns)
            n = emit(out, n, s, BREAK, t_ns, now_ns)
        begin(s, i, now, ax, ay, az, c)
    elif jumped:
        n = emit(out, n, s, BREAK, t_ns, now_ns)
    flaws = (GAP if lost > 0 or jumped else 0) | (SATURATED if clipped else 0)
    s["reasons"] |= flaws
    s["hole"] = max(s["hole"], lost)
    if gap:
        # nothing can be integrated across it
        dt = c.nominal_s
    bias = f["bias"]
    x, y, z = gx - bias[0], gy - bias[1], gz - bias[2]
    rate = math.sqrt(x * x + y * y + z * z)
    stillness.step(q, ax, ay, az, rate, dt, c.still)
    if rate > q["moving"]:
        w["busy_s"] += dt
    calm = q["rate"] < q["still"] and abs(q["acc_norm"] - f["gravity"]) < c.still_acc
    s["still_s"] = s["still_s"] + dt if calm else 0.0
    still = s["still_s"] > c.still_after_s
    foot_frame.step(f, ax, ay, az, gx, gy, gz, dt, c.frame)
    if not still:
        level(s, c, dt)
    foot_frame.look(f, dt)
    s["turn"] += f["turned"]
    if still:
        stand(s, gx, gy, gz, dt, c)
    s["low1"] += c.low_weight * (f["rate_left"] - s["low1"])
    s["low2"] += c.low_weight * (s["low1"] - s["low2"])
    r["rate"][j], r["smooth"][j], r["speed"][j] = f["rate_left"], s["low2"], f["speed"]
    r["ahead"][j], r["above"][j] = f["ahead"], f["above"]
    contact.follow_lobes(w, r, i, dt, c.swing)
    n = follow_rest(s, out, n, t_ns, now_ns, dt, c)
    if s["second_due"] == 1:
        if w["phase"] == SWING and w["peak"] > c.swing.peak_least:
            # the foot is away
            s["second_due"] = 0
        else:
            n = follow_second(s, out, n, now_ns, False, c)
    if w["phase"] == LANDING:
        since = now - w["contact_s"]
        w["quietest"] = min(w["quietest"], q["rate"])
        over = since > c.landing_most_s
        down = since > c.landing_least_s and q["rate"] < q["moving"]
        rising = q["rate"] > c.landing_rise * w["quietest"] and w["quietest"] < c.landing_rise_below
        if still or down or over or (rising and since > c.landing_rise_s):
            n = finish_landing(s, out, n, now_ns, not over, c)
    elif w["phase"] == STANCE:
        w["quietest"] = min(w["quietest"], q["rate"])
        if q["rate"] < q["moving"]:
            if q["rate"] < max(q["still"], c.zero_rise * w["quietest"]) or f["since_zero_s"] > c.quiet_zero_s:
                foot_frame.zero_velocity(f)
                s["hole"] = 0
        else:
            contact.start_swing(w, now, i)
            # what happened while the foot stood does not matter to the swing
            s["reasons"] = (s["reasons"] & START) | flaws
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
        at = max(at, w["contact_s"] + c.swing.apart_s, now - LOOKBACK_S)
        n = finish_contact(s, out, n, at, w["candidate_sign"] * w["candidate_turn"], now_ns, True, c)
        n = follow_second(s, out, n, now_ns, True, c)
        # the end comes once
        contact.at_rest(w, s["still"]["rate"])
    elif w["phase"] == SWING and s["release_due"] == 1 and w["peak"] > c.swing.peak_least:
        t = max(contact.release_instant(w, r, i, c.swing), s["down_s"])
        n = emit(out, n, s, RELEASE, ring.session_ns(r, t), now_ns)
    n = finish_length(s, out, n, now_ns, c)
    s["release_due"], s["second_due"] = 0, 0
    return n
