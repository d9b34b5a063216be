from __future__ import annotations

from dynaclr.runs.stalls import STALL_SECONDS, StallWatch


def test_a_stall_is_told_once_and_again_after_it_moved() -> None:
    told: list[str] = []
    now = [0.0]
    watch = StallWatch(told.append, lambda: now[0])
    now[0] = 10 * STALL_SECONDS
    watch.look()
    assert told == []  # nothing has begun
    watch.moved("step 12")
    now[0] += STALL_SECONDS - 1
    watch.look()
    assert told == []
    for _ in range(3):
        now[0] += 2
        watch.look()
    assert len(told) == 1
    assert told[0].startswith(f"nothing has been done for {STALL_SECONDS + 1:.0f} s since step 12.")
    watch.moved("step 13")
    now[0] += STALL_SECONDS
    watch.look()
    assert "since step 13." in told[1]
    watch.moved("step 14")
    watch.rest()
    now[0] += 2 * STALL_SECONDS
    watch.look()
    assert len(told) == 2
