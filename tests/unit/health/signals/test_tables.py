"""Tables beside a finding come back as they went, and nothing else is read as one."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.health.signals.tables import (
    BeatTable,
    Stretch,
    beats_attachment,
    clock,
    read_beats,
    read_stretches,
    stretches_attachment,
)


def test_beats_come_back_to_the_millisecond():
    table = BeatTable(np.array([0.5123, 86_399.9]), np.array([2, 4]), np.array([0.974, 0.0]))
    attachment = beats_attachment(table)
    assert attachment.data == b"seconds,class,probability\n0.512,V,0.97\n86399.900,Q,0.00\n"
    found = read_beats(attachment.data)
    assert found.at.tolist() == [0.512, 86_399.9]
    assert found.kind.tolist() == [2, 4]
    assert len(found) == 2
    assert len(read_beats(beats_attachment(BeatTable(*[np.zeros(0)] * 3)).data)) == 0


def test_stretches_come_back():
    found = [Stretch(0.0, 30.0, 0.5), Stretch(90.0, 600.0, 0.75)]
    assert read_stretches(stretches_attachment(found).data) == found
    assert found[1].seconds == 510


@pytest.mark.parametrize(
    "data", [b"", b"start,end\n1,2\n", b"seconds,class,probability\n1,X,0.5\n", b"\xff\x00"]
)
def test_other_bytes_are_no_beats(data):
    with pytest.raises(BadInput):
        read_beats(data)


def test_a_row_that_is_no_stretch_is_refused():
    with pytest.raises(BadInput):
        read_stretches(b"start,end,probability\n1,x,2\n")


def test_seconds_are_told_as_a_clock():
    assert [clock(one) for one in (0, 59.6, 3661)] == ["0:00:00", "0:01:00", "1:01:01"]
